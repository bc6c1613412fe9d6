"""A whole server that hears a broker: what it tells of the line, what it keeps, and what it survives."""

from __future__ import annotations

import asyncio
import random
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goip.config import Config
from goip.doctor import examine
from tests.following import walk
from tests.gateways.mosquitto import PREFIX, Mosquitto, left_out, need_mosquitto
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer

PATIENCE_SECONDS = 30.0

pytestmark = pytest.mark.timeout(120)


def health(server: LiveServer) -> dict[str, Any]:
    told: dict[str, Any] = server.get("/api/health").json
    return told


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def is_heard(server: LiveServer) -> bool:
    return health(server)["mqtt"] == {"isConfigured": True, "trouble": None}


def messages_of(server: LiveServer) -> list[str]:
    return [message["message"] for message in walk(server, "/api/sms", "messages")]


async def test_a_gateway_at_a_broker_is_live_and_its_frames_can_be_decoded_again(
    make_server: MakeServer, broker: Mosquitto
) -> None:
    server = make_server(MQTT=f"mqtt://127.0.0.1:{broker.port}/{PREFIX}")
    await asyncio.to_thread(server.start)
    await until(lambda: is_heard(server))
    await broker.publish("box-1/heartbeat", {"batteryLevel": 87})
    await until(lambda: server.get("/api/devices/box-1", server.admin).status == 200)
    assert server.device("box-1")["batteryLevel"] == 87
    await broker.publish("box-1/sms", b"garbage")
    await broker.publish("stranger/sms", b"garbage")
    await until(lambda: len(server.get("/api/frames", server.admin).must()["frames"]) >= 3)
    frames = server.get("/api/frames", server.admin).must()["frames"]
    by_verdict = {(frame["deviceId"], frame["verdict"]): frame for frame in frames}
    assert by_verdict["stranger", "refused"]["isAdmitted"] is False
    assert by_verdict["box-1", "refused"]["text"] == "garbage"
    taken = by_verdict["box-1", "accepted"]
    assert (taken["transport"], taken["make"]) == ("mqtt", "mqtt")
    fixture = server.get(f"/api/frames/{taken['id']}", server.admin, format="fixture").must()
    assert fixture["frames"][0]["understood"] == [
        {"kind": "heartbeat", "deviceId": "box-1", "batteryLevel": 87}
    ]


async def test_a_line_that_is_down_is_told_and_harms_nobody_else(
    make_server: MakeServer, broker: Mosquitto
) -> None:
    server = make_server(MQTT=f"mqtt://127.0.0.1:{broker.port}/{PREFIX}")
    await asyncio.to_thread(server.start)
    await until(lambda: is_heard(server))
    broker.stop()
    await until(lambda: not is_heard(server))
    assert health(server)["status"] == "degraded"
    server.enrol("by-http")
    assert server.get("/api/health/ready").status == 200
    await asyncio.to_thread(broker.start)
    await until(lambda: is_heard(server))
    assert server.stop() == 0
    assert "Traceback" not in server.log


async def test_of_a_server_without_a_broker_none_is_told(make_server: MakeServer) -> None:
    server = make_server()
    await asyncio.to_thread(server.start)
    assert health(server)["mqtt"] == {"isConfigured": False, "trouble": None}
    assert health(server)["status"] == "ok"


@pytest.mark.crash
async def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(
    make_server: MakeServer, broker: Mosquitto
) -> None:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    chance = random.Random(seed)
    server = make_server(MQTT=f"mqtt://127.0.0.1:{broker.port}/{PREFIX}", LOG_LEVEL="warning")
    await asyncio.to_thread(server.start)
    await until(lambda: is_heard(server))
    sent: list[str] = []

    async def publish_on() -> None:
        while len(sent) < 3_000:
            batch = [str(n) for n in range(len(sent), len(sent) + 50)]
            await broker.publish_all(
                [(f"box-{int(n) % 4}/sms", {"sender": "A", "message": n, "messageId": n}) for n in batch]
            )
            sent.extend(batch)

    publishing = asyncio.create_task(publish_on())
    for _ in range(5):
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    await publishing
    await until(lambda: server.state()["stats"]["totalSms"] >= len(sent))
    assert sorted(await asyncio.to_thread(messages_of, server), key=int) == sent


async def test_the_doctor_says_whether_the_broker_lets_us_in(broker: Mosquitto, tmp_path: Path) -> None:
    async def said(port: int) -> tuple[bool, str]:
        config = Config(mqtt=broker.address(port=port), database_url=f"sqlite:///{tmp_path / 'none.db'}")
        [finding] = [each for each in await examine(config) if each.what.startswith("mqtt: ")]
        return finding

    assert await said(broker.port) == (
        True,
        f"mqtt: 127.0.0.1:{broker.port} lets us in, and read below {PREFIX}",
    )
    is_good, what = await said(1)
    assert not is_good
    assert what.startswith("mqtt: cannot reach 127.0.0.1:1: ")


async def test_a_broker_behind_tls_is_heard_if_its_certificate_is_trusted(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        left_out("no openssl found, to make a certificate with; apt-get install openssl")
    need_mosquitto()
    broker = Mosquitto(tmp_path / "tls")
    certificate = broker.speak_tls()
    broker.start()
    try:
        address = f"mqtts://127.0.0.1:{broker.port}/{PREFIX}"
        stranger = make_server(MQTT=address)
        await asyncio.to_thread(stranger.start)
        await until(lambda: "certificate" in str(health(stranger)["mqtt"]["trouble"]).lower())
        stranger.stop()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        server = make_server(MQTT=address)
        await asyncio.to_thread(server.start)
        await until(lambda: is_heard(server))
        told = [("box-1/sms", {"sender": "A", "message": str(n), "messageId": str(n)}) for n in range(600)]
        await broker.publish_all(told, authority=certificate)
        await until(lambda: server.state()["stats"]["totalSms"] == len(told))
    finally:
        broker.stop()


async def test_a_mosquitto_that_is_set_up_as_documented_lets_each_device_speak_for_itself(
    make_server: MakeServer, tmp_path: Path
) -> None:
    need_mosquitto()
    broker = Mosquitto(tmp_path / "documented")
    broker.set_up_as_documented()
    for name in ("goip", "box-1", "box-2"):
        broker.add_user(name, "password-of-it")
    broker.start()
    try:
        server = make_server(MQTT=f"mqtt://goip:password-of-it@127.0.0.1:{broker.port}/goip")
        await asyncio.to_thread(server.start)
        await until(lambda: is_heard(server))
        for name in ("box-2", "box-1"):
            told = {"sender": "A", "message": f"said by {name}"}
            login = (name, "password-of-it")
            await broker.publish_all([("box-1/sms", told)], prefix="goip", login=login)
        await until(lambda: bool(messages_of(server)))
        assert messages_of(server) == ["said by box-1"]
    finally:
        broker.stop()
