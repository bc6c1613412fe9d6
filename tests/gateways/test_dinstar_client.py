"""Newer Dinstar boxes that are asked how they are, over real sockets, into a real database."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, web
from structlog.testing import capture_logs

from goip import rhythm
from goip.api.replaying import claimed, understood
from goip.errors import InvalidPayload
from goip.gateways.asking import USUAL, Pauses, looking
from goip.gateways.dinstar import A_DAY_SECONDS
from goip.gateways.dinstar.client import DinstarClient
from goip.gateways.dinstar.sending import Patience
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Device, Heartbeat
from goip.store.store import Store
from goip.wirelog.frames import frame_json
from goip.wirelog.log import WireLog
from tests.conftest import FakeClock
from tests.gateways import asked_box as plain
from tests.gateways.dinstar_asked import BASIC, DIGEST, QUICK, AskedBox, asked_box
from tests.store.lives import Ear

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def box() -> AsyncIterator[AskedBox]:
    async with asked_box() as box:
        yield box


@pytest.fixture
def ear(store: Store) -> Ear:
    return Ear(store)


@asynccontextmanager
async def looked_at(
    store: Store, box: AskedBox, secret: str = "admin", pauses: Pauses = QUICK
) -> AsyncIterator[DinstarClient]:
    client = DinstarClient(box.address(secret), store, pauses)
    async with looking([client]):
        yield client


@asynccontextmanager
async def made(store: Store, box: AskedBox | plain.AskedBox) -> AsyncIterator[DinstarClient]:
    """A client that looks only when the test says so."""
    client = DinstarClient(box.address(), store, USUAL._replace(answer=2.0))
    yield client
    await client.link.close()


def known(store: Store, box: AskedBox) -> Device:
    device = store.fleet.find(box.serial)
    assert device is not None
    return device


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("index", [DIGEST, BASIC])
async def test_a_box_is_online_with_its_ports_whichever_way_it_asks_for_the_password(
    index: int, store: Store, ear: Ear
) -> None:
    async with asked_box(index) as box, looked_at(store, box):
        await ear.until(lambda: len(ear.named("device-heartbeat")) >= 3)
    device = known(store, box)
    assert (device.make, device.status, device.ip_address) == ("dinstar", "online", "127.0.0.1")
    assert device.brand_info == {"brand": "Dinstar"}
    assert [
        (slot.slot_index, slot.iccid, slot.imsi, slot.imei, slot.signal_strength, slot.status, slot.balance)
        for slot in device.slots
    ] == [
        (
            live.index,
            live.sim.iccid,
            live.sim.imsi,
            live.imei,
            live.signal,
            "registered",
            f"{live.balance:.2f}",
        )
        for live in box.slots
    ]


async def test_a_look_that_comes_in_time_finds_nobody_late(store: Store, box: AskedBox) -> None:
    async with made(store, box) as client:
        await client.look()
    device = known(store, box)
    latest = USUAL.poll + client.link.pauses.answer
    assert device.interval_seconds == latest
    assert latest < rhythm.late_seconds(device) < rhythm.offline_seconds(device) < 5 * 60


async def test_what_a_push_told_of_the_box_stays(store: Store, box: AskedBox) -> None:
    told = {"brand": "Dinstar", "product": "8 ports", "device": "02-A0-3D-00-00-01"}
    beat = Heartbeat(box.serial, brand_info=told, device_status="power_on")
    await record_heartbeat(store, beat, enrolment=Enrolment(None, "dinstar"))
    async with made(store, box) as client:
        await client.look()
    assert (known(store, box).brand_info, known(store, box).device_status) == (told, "power_on")


async def test_a_wrong_password_stores_nothing_and_is_shown_to_nobody(store: Store, ear: Ear) -> None:
    for index in (DIGEST, BASIC):
        with capture_logs() as logs:
            async with asked_box(index) as box, looked_at(store, box, "wr0ng-secret"):
                await until(lambda: len([line for line in logs if line["event"] == "box.refused"]) >= 2)
        assert "wr0ng-secret" not in str(logs)
    assert ear.events == []


async def test_a_box_that_goes_and_comes_back_is_asked_again(store: Store, box: AskedBox, ear: Ear) -> None:
    with capture_logs() as logs:
        async with looked_at(store, box):
            await ear.until(lambda: ear.named("device-heartbeat"))
            box.close()
            await until(lambda: [line for line in logs if line["event"] == "box.not_reached"])
            n_beats = len(ear.named("device-heartbeat"))
            await box.plug_in()
            await ear.until(lambda: len(ear.named("device-heartbeat")) > n_beats)


async def test_one_that_pushes_and_cannot_be_asked_any_more_is_held_to_its_pushes(
    store: Store, box: AskedBox, clock: FakeClock
) -> None:
    async with made(store, box) as client:

        async def fail_to_look() -> int | None:
            clock.advance(30)
            with pytest.raises(ClientError):
                await client.look()
            return known(store, box).interval_seconds

        await client.look()
        held_to = known(store, box).interval_seconds
        clock.advance(30)
        await record_heartbeat(store, Heartbeat(box.serial))  # by a push, while it could be asked
        box.close()
        assert [await fail_to_look() for _ in range(3)] == [held_to] * 3
        clock.advance(1)
        await record_heartbeat(store, Heartbeat(box.serial))
        assert [await fail_to_look() for _ in range(3)] == [A_DAY_SECONDS] * 3
        assert clock() - (known(store, box).last_seen_at or 0) == 60_000
        await box.plug_in()
        await client.look()
        assert known(store, box).interval_seconds == held_to


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b'{"error_code":500,"sn":"x"}', b'{"error_code":200,"sn":"x"}']
)
async def test_an_answer_that_tells_no_ports_is_no_sign_of_life(
    answer: bytes, store: Store, ear: Ear
) -> None:
    async def say(_: web.BaseRequest) -> web.Response:
        return web.Response(body=answer)

    async with plain.AskedBox(say) as box, made(store, box) as client:
        with pytest.raises(InvalidPayload):
            await client.look()
    assert ear.events == []


async def test_a_certificate_that_a_box_signed_itself_will_do(
    store: Store, box: AskedBox, tmp_path: Path
) -> None:
    paths = [str(tmp_path / name) for name in ("key.pem", "certificate.pem")]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", paths[0], "-out", paths[1], "-subj", "/CN=box", "-days", "1"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(paths[1], paths[0])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(web.Server(box.api.answer), "127.0.0.1", 0, ssl=context)
    places: dict[str, Any] = {"port": server.sockets[0].getsockname()[1], "is_tls": True}
    client = DinstarClient(replace(box.address(), **places), store)
    await client.look()
    await client.link.close()
    server.close()
    assert known(store, box).is_online


async def test_what_was_asked_and_answered_is_in_the_wire_log_and_understood_again(
    store: Store, box: AskedBox, clock: FakeClock
) -> None:
    log = WireLog(clock, claimed)
    box.hears("hello")
    client = DinstarClient(box.address(), store, USUAL, log.keeping, Patience(first=0.1))
    await client.look()
    await client.send_sms(1, "+15550486", "hello")
    await client.send_sms(2, "+15550101", "hello")
    await client.link.close()
    frames = log.frames_of(box.serial)[::-1]
    assert [(frame.direction, (frame.head or "").partition("?")[0]) for frame in frames[:10]] == [
        ("out", "GET /api/get_port_info"),
        ("in", "200 OK"),
        ("out", "GET /api/query_incoming_sms"),
        ("in", "200 OK"),
        ("out", "GET /api/query_incoming_sms"),
        ("in", "200 OK"),
        ("out", "POST /api/send_sms"),
        ("in", "200 OK"),
        ("out", "POST /api/send_sms"),
        ("in", "200 OK"),
    ]
    assert "Authorization" not in str([frame_json(frame) for frame in frames])
    [ports] = understood(frames[1])["understood"]
    assert [slot["iccid"] for slot in ports["simSlots"]] == [live.sim.iccid for live in box.slots]
    [message] = understood(frames[3])["understood"]
    assert (message["kind"], message["message"]) == ("sms", "hello")
    assert understood(frames[7])["refused"]["error"] == "the box answers with the code 486"
    assert [understood(frame) for frame in (frames[9], frames[11])] == [
        {"understood": [], "refused": None}
    ] * 2
