"""The fleet over HTTP, against a small server that can be told to misbehave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from goip.simulator import SimulationOptions, SimulationReport, simulate
from goip.simulator import calls as calls_module
from goip.simulator.life import HEARTBEAT_PATH, SMS_PATH, Post

ENROLLMENT_KEY = "enrol"


@dataclass
class Gateway:
    """A server that enrols, remembers every request, and fails the next `n_failures` with `failure`."""

    url: str = ""
    seen: list[tuple[str, str, Any]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)
    n_failures: int = 0
    failure: Callable[[], web.Response] = lambda: web.json_response(
        {"error": "busy"}, status=503, headers={"Retry-After": "0"}
    )
    failing_path: str = ""

    async def heartbeat(self, request: web.Request) -> web.Response:
        if answer := self._fail(request):
            return answer
        body = await request.json()
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append((HEARTBEAT_PATH, key, body))
        device_id = (body[0] if isinstance(body, list) else body)["deviceId"]
        if device_id not in self.keys and key == ENROLLMENT_KEY:
            self.keys[device_id] = f"key-of-{device_id}"
            return web.json_response(
                {"success": True, "isNewDevice": True, "deviceKey": self.keys[device_id]}
            )
        if key != self.keys.get(device_id):
            return web.json_response({"success": False, "error": "Wrong key"}, status=401)
        return web.json_response({"success": True, "isNewDevice": False})

    async def sms(self, request: web.Request) -> web.Response:
        if answer := self._fail(request):
            return answer
        body = await request.json()
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append((SMS_PATH, key, body))
        identity = repr(sorted(body.items()))
        is_known = identity in self.messages
        self.messages.add(identity)
        return web.json_response({"success": True, "messageId": "1", "duplicate": is_known})

    def _fail(self, request: web.Request) -> web.Response | None:
        if self.n_failures and self.failing_path in request.path:
            self.n_failures -= 1
            return self.failure()
        return None

    def count(self, path: str) -> int:
        return sum(1 for seen_path, _, _ in self.seen if seen_path == path)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_post(HEARTBEAT_PATH, gateway.heartbeat)
    app.router.add_post(SMS_PATH, gateway.sms)
    async with TestServer(app) as server:
        gateway.url = str(server.make_url("/"))
        yield gateway


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(calls_module, "_LONGEST_WAIT_SECONDS", 0.05)


Run = Callable[..., Awaitable[SimulationReport]]


@pytest.fixture
def run(gateway: Gateway) -> Run:
    async def run(**changes: Any) -> SimulationReport:
        options = {
            "devices": 5,
            "interval_seconds": 0.1,
            "duration_seconds": 0.45,
            "sms_per_minute": 0.0,
            "seed": 3,
        }
        hooks = {name: changes.pop(name) for name in ("stop", "on_answer", "on_progress") if name in changes}
        return await simulate(SimulationOptions(gateway.url, ENROLLMENT_KEY, **options | changes), **hooks)

    return run


async def test_every_device_beats_at_its_interval(gateway: Gateway, run: Run) -> None:
    report = await run()
    beats = Counter(body["deviceId"] for _, _, body in gateway.seen)
    assert len(beats) == 5
    assert set(beats.values()) <= {4, 5}
    assert report.n_heartbeats == sum(beats.values())
    assert 0 < report.p50_ms <= report.p99_ms
    assert report.n_failed == report.n_retries == report.n_refused == 0


async def test_a_device_shows_the_enrolment_key_once_and_its_own_afterwards(
    gateway: Gateway, run: Run
) -> None:
    report = await run()
    assert report.n_enrolled == 5
    for device_id, device_key in gateway.keys.items():
        keys = [key for _, key, body in gateway.seen if body["deviceId"] == device_id]
        assert keys[0] == ENROLLMENT_KEY
        assert set(keys[1:]) == {device_key}


async def test_a_rate_decides_the_interval(gateway: Gateway, run: Run) -> None:
    report = await run(devices=10, rate=100.0, interval_seconds=999.0)
    assert 40 <= report.n_heartbeats <= 50


async def test_a_heartbeat_is_tried_again_after_503(gateway: Gateway, run: Run) -> None:
    gateway.n_failures = 2
    report = await run(devices=1, interval_seconds=1.0, duration_seconds=0.5)
    assert report.n_retries == 2
    assert report.n_heartbeats == 1
    assert report.n_failed == 0


async def test_retry_after_is_honoured(gateway: Gateway, run: Run) -> None:
    gateway.n_failures = 1
    gateway.failure = lambda: web.json_response({}, status=429, headers={"Retry-After": "0.3"})
    moments: list[float] = []
    clock = asyncio.get_running_loop().time
    began = clock()
    await run(
        devices=1,
        interval_seconds=5.0,
        duration_seconds=1.0,
        on_answer=lambda *_: moments.append(clock() - began),
    )
    assert moments[0] >= 0.3


async def test_a_heartbeat_is_given_up_after_three_tries(gateway: Gateway, run: Run) -> None:
    gateway.n_failures = 3
    report = await run(devices=1, interval_seconds=5.0, duration_seconds=0.5)
    assert (report.n_retries, report.n_failed, report.n_heartbeats) == (2, 1, 0)


async def test_a_message_is_tried_until_it_is_acknowledged(gateway: Gateway, run: Run) -> None:
    gateway.n_failures, gateway.failing_path = 12, SMS_PATH
    report = await run(devices=2, sms_per_minute=600.0)
    assert report.n_retries == 12
    assert report.n_unacknowledged == 0
    assert report.n_sms == gateway.count(SMS_PATH) > 0


async def test_a_message_does_not_hold_up_the_heartbeats(gateway: Gateway, run: Run) -> None:
    gateway.n_failures, gateway.failing_path = 10_000, SMS_PATH
    gateway.failure = lambda: web.json_response({}, status=503, headers={"Retry-After": "60"})
    stop = asyncio.Event()
    running = asyncio.create_task(run(devices=1, sms_per_minute=600.0, stop=stop, duration_seconds=None))
    while gateway.count(HEARTBEAT_PATH) < 4:
        await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_refusal_is_final(gateway: Gateway, run: Run) -> None:
    gateway.n_failures = 1
    gateway.failure = lambda: web.json_response({"error": "no"}, status=401)
    report = await run(devices=1, interval_seconds=5.0)
    assert (report.n_refused, report.n_retries, report.n_failed) == (1, 0, 0)


async def test_repeats_are_sent_and_known_as_such(
    gateway: Gateway, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goip.simulator.life._REPEAT_CHANCE", 1.0)
    monkeypatch.setattr("random.Random.uniform", lambda self, low, high: low if low != 3 else 0.05)
    report = await run(devices=1, sms_per_minute=300.0, make="phone", duration_seconds=1.0)
    assert report.n_repeats > 0
    assert report.n_duplicates >= 1
    assert len(gateway.messages) == report.n_sms - report.n_duplicates


async def test_every_acknowledged_post_is_told(gateway: Gateway, run: Run) -> None:
    told: list[Post] = []
    report = await run(sms_per_minute=600.0, on_answer=lambda post, _: told.append(post))
    assert len(told) == report.n_heartbeats + report.n_sms


async def test_stop_ends_it_with_a_report(gateway: Gateway, run: Run) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, stop.set)
    report = await run(duration_seconds=None, stop=stop)
    assert 0.2 < report.seconds < 5
    assert report.n_heartbeats > 0


async def test_a_server_that_is_away_does_not_end_the_fleet(run: Run) -> None:
    report = await simulate(
        SimulationOptions(
            "http://127.0.0.1:9", ENROLLMENT_KEY, devices=2, interval_seconds=0.2, duration_seconds=0.3
        )
    )
    assert report.n_heartbeats == 0
    assert report.n_retries > 0


async def test_keys_are_kept_for_the_next_run(gateway: Gateway, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "fleet.json"
    first = await run(keys_path=path)
    second = await run(keys_path=path)
    assert (first.n_enrolled, second.n_enrolled) == (5, 0)
    assert second.n_refused == 0
    assert path.stat().st_mode & 0o077 == 0


async def test_the_same_fleet_without_its_keys_is_refused(gateway: Gateway, run: Run) -> None:
    await run()
    assert (await run()).n_refused > 0


async def test_the_same_seed_posts_the_same_bodies(gateway: Gateway, run: Run) -> None:
    def shapes(seen: list[tuple[str, str, Any]]) -> list[tuple[str, int]]:
        return sorted((body["deviceId"], body["counter"]) for _, _, body in seen)

    await run()
    first = shapes(gateway.seen)
    gateway.seen.clear()
    gateway.keys.clear()
    await run()
    assert shapes(gateway.seen) == first


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://192.0.2.1:8080"},
        {"url": "http://example.com"},
        {"url": "ftp://127.0.0.1"},
        {"devices": 0},
        {"ports": 33},
        {"rate": -1.0},
        {"interval_seconds": 0.0},
        {"duration_seconds": 0.0},
        {"sms_per_minute": -1.0},
        {"pace": 0.0},
        {"concurrency": 0},
        {"make": "toaster"},
    ],
)
def test_options_out_of_bounds_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|not on this machine"):
        SimulationOptions(**{"url": "http://127.0.0.1:8080", "enrollment_key": "k"} | changes)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.8.9.1"]
)
def test_this_machine_is_allowed_by_any_of_its_names(url: str) -> None:
    SimulationOptions(url, "k")


def test_another_machine_is_allowed_on_request() -> None:
    SimulationOptions("https://goip.example.com", "k", allow_remote=True)
