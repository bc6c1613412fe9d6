"""The short way of a heartbeat: what it takes, what it leaves, and that nobody can tell them apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from goip.api import quick
from goip.api.appkeys import ADDRESS_LIMIT, KEYRING
from goip.errors import TooManyRequests, Unavailable
from tests.api.quick_wire import PATH, WITHIN, Served, SlowDisk, request, serving


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    async with serving(database_url) as served:
        yield served


async def test_a_plain_heartbeat_goes_the_short_way_and_is_stored(served: Served) -> None:
    async with served.wire() as wire:
        answer = await wire.ask(request(key=served.key, batteryLevel=77))
    assert served.n_quick == 1
    assert (answer.status, answer.body["success"], answer.body["isNewDevice"]) == (200, True, False)
    device = served.store.fleet.find("box-1")
    assert device is not None
    assert device.battery_level == 77


async def test_nobody_can_tell_the_ways_apart(served: Served) -> None:
    async with served.wire() as wire:
        short = await wire.ask(request(key=served.key, more="X-Request-Id: mine-1\r\n"))
        long = await wire.ask(request(key=served.key, path=PATH + "?x=1", more="X-Request-Id: mine-1\r\n"))
    assert served.n_quick == 1
    assert short.status == long.status
    assert short.body.keys() == long.body.keys()
    assert short.headers["x-request-id"] == "mine-1"
    # What only browsers obey is left out of what only gateways read.
    for name in short.headers.keys() - {"content-length", "date"}:
        assert short.headers[name] == long.headers[name].partition(";")[0], name


async def test_requests_without_an_id_get_one_each(served: Served) -> None:
    async with served.wire() as wire:
        ids = {(await wire.ask(request(key=served.key))).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert served.n_quick == 5


@pytest.mark.parametrize(
    ("described", "asked", "status"),
    [
        ("no key", {"key": ""}, 401),
        ("a wrong key", {"key": "goip_dk_wrong"}, 401),
        ("not JSON", {"body": b"{"}, 400),
        ("not UTF-8", {"body": b'{"deviceId":"\xff"}'}, 400),
        ("an empty body", {"body": b""}, 400),
        ("a bad field", {"batteryLevel": 300}, 400),
        ("another's id", {"deviceId": "box-2"}, 403),
        ("an array", {"body": b'[{"deviceId":"box-1"}]'}, 200),
        ("a form", {"body": b"deviceId=box-1", "content_type": "application/x-www-form-urlencoded"}, 200),
        ("JSON called a form", {"content_type": "application/x-www-form-urlencoded"}, 200),
        ("another path", {"path": "/api/device/register"}, 200),
        ("a query", {"path": PATH + "?key=x"}, 200),
        ("HTTP/1.0", {"version": "1.0"}, 200),
        ("the last of its connection", {"more": "Connection: close\r\n"}, 200),
        ("a page", {"more": "Origin: http://goip\r\n"}, 200),
        ("a long body", {"deviceStatus": "ready", "_": "x" * 40_000}, 200),
        ("an encoded body", {"body": b"x", "more": "Content-Encoding: gzip\r\n"}, 400),
    ],
)
async def test_what_is_not_plain_or_not_good_goes_the_ordinary_way(
    served: Served, described: str, asked: dict[str, Any], status: int
) -> None:
    async with served.wire() as wire:
        answer = await wire.ask(request(**{"key": served.key, **asked}))
    assert (answer.status, served.n_quick) == (status, 0), (described, answer.body)
    if status != 200:
        assert answer.body["success"] is False
        assert answer.body["requestId"]


async def test_a_body_that_comes_in_pieces_is_waited_for(served: Served) -> None:
    whole = request(key=served.key, batteryLevel=12)
    async with served.wire() as wire:
        for place in range(0, len(whole), 40):
            wire.send(whole[place : place + 40])
            await asyncio.sleep(0.005)
        assert (await wire.answer()).status == 200
        assert (await wire.ask(request(key=served.key))).status == 200
    assert served.n_quick >= 1


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(served: Served) -> None:
    head, _, body = request(key=served.key, more="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    async with served.wire() as wire:
        assert (await wire.ask(head, b"\r\n\r\n")).status == 100
        assert (await wire.ask(body)).status == 200


async def test_requests_in_one_piece_are_answered_in_their_order(served: Served) -> None:
    """Good, bad and of other kinds, 300 of them: more than aiohttp's queue holds. The first bad one takes all along."""
    kinds: list[tuple[Callable[[int], bytes], int]] = [
        (lambda n: request(key=served.key, more=f"X-Request-Id: n{n}\r\n"), 200),
        (lambda n: request(key=served.key, more=f"X-Request-Id: n{n}\r\n", batteryLevel=-n), 400),
        (lambda n: request(key=served.key, more=f"X-Request-Id: n{n}\r\n"), 200),
        (lambda n: f"GET /api/health HTTP/1.1\r\nHost: goip\r\nX-Request-Id: n{n}\r\n\r\n".encode(), 200),
    ]
    asked = [kinds[n % len(kinds)] for n in range(300)]
    async with served.wire() as wire:
        wire.send(*(make(n + 1) for n, (make, _) in enumerate(asked)))
        for n, (_, status) in enumerate(asked):
            answer = await wire.answer()
            assert (answer.status, answer.headers["x-request-id"]) == (status, f"n{n + 1}")
    assert served.n_quick == 1


async def test_requests_in_one_piece_go_the_short_way_one_after_the_other(served: Served) -> None:
    async with served.wire() as wire:
        wire.send(*(request(key=served.key, counter=n + 1) for n in range(300)))
        for _ in range(300):
            assert (await wire.answer()).status == 200
    device = served.store.fleet.find("box-1")
    assert device is not None
    assert (served.n_quick, device.counter) == (300, 300)


async def test_a_commit_that_fails_is_an_honest_answer_and_the_connection_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = served.store.database.commit
    fail = OSError("the disk is gone")

    async def broken(_rows: Any) -> None:
        raise fail

    async with served.wire() as wire:
        monkeypatch.setattr(served.store.database, "commit", broken)
        answer = await wire.ask(request(key=served.key))
        assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        monkeypatch.setattr(served.store.database, "commit", commit)
        assert (await wire.ask(request(key=served.key))).status == 200
    assert served.n_quick == 2


async def test_what_was_not_recorded_is_refused_and_not_tried_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, n_commits = served.store.database.commit, 0

    async def lossy(rows: Any) -> None:
        nonlocal n_commits
        n_commits += 1
        await commit(rows)
        monkeypatch.setattr(served.store.database, "commit", commit)
        raise ConnectionResetError("the answer was lost")

    async with served.wire() as wire:
        assert (await wire.ask(request(key=served.key, counter=7))).status == 200
        monkeypatch.setattr(served.store.database, "commit", lossy)
        answer = await wire.ask(request(key=served.key, counter=8))
        assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
        before = served.store.fleet.find("box-1")
        assert (await wire.ask(request(key=served.key, counter=9))).status == 200
    after = served.store.fleet.find("box-1")
    assert before is not None
    assert after is not None
    assert n_commits == 1
    assert (before.counter, after.counter) == (7, 9)  # 8 is on disk, and was taken over before 9
    assert after.rhythm.n_gaps == before.rhythm.n_gaps + 2


async def test_a_refusal_that_was_not_told_is_of_no_other_request(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_rows: Any) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(served.app[ADDRESS_LIMIT], "spend", too_fast)
        raise OSError("the disk is gone")

    def too_fast(_address: str) -> None:
        monkeypatch.undo()
        raise TooManyRequests("not so fast")

    async with served.wire() as wire:
        monkeypatch.setattr(served.store.database, "commit", broken)
        assert (await wire.ask(request(key=served.key))).status == 429
        assert (await wire.ask(request(key=served.key, path=PATH + "?x=1"))).status == 200


async def test_one_that_cannot_be_begun_keeps_no_other_from_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is gone again before anybody looked: it has no address."""
    begun = []
    begin = quick._Handler._begins

    def failing(handler: Any, body: bytes, peer: str) -> bool:
        begun.append(body)
        if b"stranger" in body:
            raise TypeError("a defect")
        return begin(handler, body, peer)

    monkeypatch.setattr(quick._Handler, "_begins", failing)
    async with served.wire() as bad, served.wire() as good:
        bad.send(request(key=served.key, name="stranger"))
        good.send(request(key=served.key, name="friend"))
        assert [(await wire.answer()).status for wire in (bad, good)] == [200, 200]
    assert len(begun) == 2


async def test_a_request_that_is_here_outlives_the_time_of_an_idle_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(database_url, keepalive_timeout=0.2) as served, served.wire() as wire:
        assert (await wire.ask(request(key=served.key))).status == 200
        disk = SlowDisk(served, monkeypatch)
        wire.send(request(key=served.key))
        await disk.is_reached.wait()
        await asyncio.sleep(0.5)
        disk.may_go_on.set()
        assert (await wire.answer()).status == 200


async def test_a_full_queue_is_an_honest_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_change: Any) -> Any:
        raise Unavailable("too many changes are waiting for the disk", code="overloaded")

    monkeypatch.setattr(served.store.writer, "_enqueue", full)
    async with served.wire() as wire:
        answer = await wire.ask(request(key=served.key))
    assert (answer.status, answer.body["code"], served.n_quick) == (503, "overloaded", 0)


async def test_what_a_client_began_before_it_left_is_stored(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(served, monkeypatch)
    async with served.wire() as wire:
        wire.send(request(key=served.key, batteryLevel=5))
        async with asyncio.timeout(WITHIN):
            await disk.is_reached.wait()
    await asyncio.sleep(0.05)
    disk.may_go_on.set()
    async with asyncio.timeout(WITHIN):
        while (device := served.store.fleet.find("box-1")) is None or device.battery_level != 5:
            await asyncio.sleep(0.01)
    async with served.wire() as wire:
        assert (await wire.ask(request(key=served.key))).status == 200


async def test_a_request_under_way_is_answered_before_the_server_stops(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(WITHIN), AsyncExitStack() as client:
        async with serving(database_url) as served:
            disk = SlowDisk(served, monkeypatch)
            wire = await client.enter_async_context(served.wire())
            wire.send(request(key=served.key), request(key=served.key))
            await disk.is_reached.wait()
            asyncio.get_running_loop().call_later(0.3, disk.may_go_on.set)
        # Stopped: the first was under way and has its answer, the second had not begun.
        assert (await wire.answer()).status == 200
        assert await wire.is_closed()


async def test_an_idle_connection_ends_and_one_in_use_does_not(database_url: str) -> None:
    async with serving(database_url, keepalive_timeout=0.5) as served, served.wire() as wire:
        for _ in range(8):
            assert (await wire.ask(request(key=served.key))).status == 200
            await asyncio.sleep(0.15)
        assert served.n_quick == 8
        assert await wire.is_closed()


async def test_limits_hold_and_count_the_caller_behind_a_proxy(database_url: str) -> None:
    async with (
        serving(database_url, address_rate=1, trusted_proxies=("127.0.0.1",)) as served,
        served.wire() as wire,
    ):
        noisy = [
            await wire.ask(request(key=served.key, more="X-Forwarded-For: 192.0.2.1\r\n")) for _ in range(9)
        ]
        other = await wire.ask(request(key=served.key, more="X-Forwarded-For: 192.0.2.2\r\n"))
    assert [answer.status for answer in noisy[:5]] == [200] * 5
    assert (noisy[-1].status, noisy[-1].body["code"], other.status) == (429, "rate_limited", 200)


async def test_a_device_limit_holds(database_url: str) -> None:
    async with serving(database_url, device_rate=1) as served, served.wire() as wire:
        statuses = [(await wire.ask(request(key=served.key))).status for _ in range(9)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


async def test_a_key_that_was_revoked_opens_nothing(served: Served) -> None:
    device = served.store.fleet.find("box-1")
    assert device is not None
    async with served.wire() as wire:
        assert (await wire.ask(request(key=served.key))).status == 200
        await served.app[KEYRING].revoke_device(device.pk)
        assert (await wire.ask(request(key=served.key))).status == 401


async def test_garbage_ends_the_connection_and_no_other(served: Served) -> None:
    async with served.wire() as wire, served.wire() as other:
        assert (await wire.ask(request(key=served.key))).status == 200
        assert (await wire.ask(b"\x00\xff nonsense\r\n\r\n")).status == 400
        assert await wire.is_closed()
        assert (await other.ask(request(key=served.key))).status == 200
