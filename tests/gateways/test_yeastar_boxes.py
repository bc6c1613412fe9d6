"""A box that is dialled, over a real socket, into a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from goip.addresses import BoxAddress
from goip.errors import Unavailable
from goip.gateways.yeastar import client, keeping
from goip.gateways.yeastar.client import Pauses, dialling
from goip.operations import remove_device
from goip.simulator.boxes.manager import received, sent
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.gateways.yeastar_box import SECRET, Box
from tests.live_fixtures import MakeServer
from tests.store.lives import Ear

pytestmark = pytest.mark.timeout(60)

QUICK = Pauses(poll=0.05, answer=2.0, first=0.01, longest=0.05, refused=0.05)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box() as box:
        yield box


@pytest.fixture
def ear(store: Store) -> Ear:
    return Ear(store)


@asynccontextmanager
async def dialled(store: Store, box: Box, secret: str = SECRET, **pauses: float) -> AsyncIterator[None]:
    async with dialling(store, [box.address(secret)], QUICK._replace(**pauses)):
        yield


def texts(ear: Ear) -> list[str]:
    return [
        told["message"]
        for told in (event.data for event in ear.named("sms-received"))
        if isinstance(told, dict)
    ]


async def until_texts(ear: Ear, n: int) -> list[str]:
    await ear.until(lambda: len(texts(ear)) >= n)
    return texts(ear)


async def test_a_box_is_online_with_its_ports(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await ear.until(lambda: ear.named("device-heartbeat"))
    device = store.fleet.find("office")
    assert device is not None
    assert (device.make, device.status, device.ip_address) == ("yeastar", "online", "127.0.0.1")
    assert device.interval_seconds == 1
    assert [(slot.slot_index, slot.status, slot.imsi) for slot in device.slots] == [
        (1, "registered", "901700000012345"),
        (2, "no sim", None),
    ]


async def test_the_link_is_tried_again_and_again(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await ear.until(lambda: len(ear.named("device-heartbeat")) >= 3)
    assert box.n_logins == 1
    assert box.commands[:6] == ["gsm show spans", "gsm show span 2", "gsm show span 3"] * 2


async def test_a_message_is_stored_with_its_port(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await box.say(received("Hello%2C+box"))
        assert await until_texts(ear, 1) == ["Hello, box"]
    [event] = ear.named("sms-received")
    assert isinstance(event.data, dict)
    told: dict[str, Any] = event.data
    assert (told["deviceId"], told["sender"], told["slotIndex"]) == ("office", "+15550101", 1)


@pytest.mark.parametrize("piece", [1, 7])
async def test_pieces_of_any_size_make_whole_messages(piece: int, store: Store, ear: Ear) -> None:
    async with Box(piece=piece) as box, dialled(store, box):
        await box.say(received("%D0%B4%D0%B0"), received("two"), sent("out-1"))
        assert await until_texts(ear, 2) == ["да", "two"]
        await ear.until(lambda: ear.named("delivery-report"))


async def test_parts_are_joined_although_the_link_breaks_between_them(
    store: Store, box: Box, ear: Ear
) -> None:
    async with dialled(store, box):
        await box.say(received("one+", id="244", index=1, total=2))
        await ear.until(lambda: ear.named("device-heartbeat"))
        box.hang_up()
        await box.say(received("two", id="244", index=2, total=2))
        assert await until_texts(ear, 1) == ["one two"]


async def test_what_is_told_again_after_a_reconnect_is_stored_once(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await box.say(received("once"))
        await until_texts(ear, 1)
        box.hang_up()
        await box.say(received("once"), received("once", at="2026-11-21 05:22:21"), received("last"))
        assert await until_texts(ear, 3) == ["once", "once", "last"]
    assert box.n_logins == 2


async def test_a_box_that_is_pulled_out_is_dialled_until_it_is_back(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await box.say(received("before"))
        await until_texts(ear, 1)
        box.unplug()
        await box.plug_in()
        await box.say(received("after"))
        assert await until_texts(ear, 2) == ["before", "after"]


async def test_a_message_that_is_half_said_when_the_link_breaks_is_none(
    store: Store, box: Box, ear: Ear
) -> None:
    async with dialled(store, box):
        await box.say(received("half")[:-30])
        box.hang_up()
        await box.say(received("whole"))
        assert await until_texts(ear, 1) == ["whole"]


async def test_garbage_costs_one_connection_and_no_more(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await box.say(b"\xff\x00garbage\r\n\r\nEvent: ReceivedSMS\r\nSender: \r\n--END SMS EVENT--\r\n\r\n")
        await box.say(b"Response: Follows\r\n" + b"x" * 300_000)
        await box.until(lambda: box.n_logins == 2)
        await box.say(received("after"))
        assert await until_texts(ear, 1) == ["after"]


async def test_a_wrong_password_stores_nothing_and_is_shown_to_nobody(
    store: Store, box: Box, ear: Ear
) -> None:
    with capture_logs() as logs:
        async with dialled(store, box, secret="wr0ng-secret"):
            await box.until(lambda: box.n_refusals >= 2)
    assert ear.events == []
    refusals = [line for line in logs if line["event"] == "yeastar.refused"]
    assert refusals[0]["reason"] == "Authentication failed"
    assert "wr0ng-secret" not in str(logs)


async def test_a_password_that_was_mended_lets_in(store: Store, box: Box, ear: Ear) -> None:
    box.secret = "another"
    async with dialled(store, box):
        await box.until(lambda: box.n_refusals)
        box.secret = SECRET
        await ear.until(lambda: ear.named("device-heartbeat"))


async def test_a_box_that_does_not_answer_is_dialled_again(store: Store, ear: Ear) -> None:
    async with Box(is_mute=True) as box, dialled(store, box, answer=0.05):
        await box.until(lambda: box.n_unanswered >= 2)
        box.is_mute = False
        await ear.until(lambda: ear.named("device-heartbeat"))


async def test_a_box_that_falls_silent_later_is_dialled_again(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box, answer=0.2):
        await ear.until(lambda: ear.named("device-heartbeat"))
        box.is_mute = True
        await box.until(lambda: box.n_unanswered >= 2)
        box.is_mute = False
        await box.until(lambda: box.n_logins >= 2)


class LostLinks:
    """Takes the place of the client's log; whatever else that has to say is a mistake."""

    def __init__(self) -> None:
        self.first = asyncio.Event()

    def info(self, event: str, **_: object) -> None:
        assert event == "yeastar.link_lost"
        self.first.set()


@pytest.mark.parametrize("host", ["127.0.0.1", "host.invalid", "a..b"])
async def test_a_box_that_cannot_be_reached_troubles_nobody(
    host: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = LostLinks()
    monkeypatch.setattr(client, "log", links)
    async with dialling(store, [BoxAddress("away", host, 1, "u", "s")], QUICK):
        await asyncio.wait_for(links.first.wait(), 20)


async def test_what_cannot_be_stored_yet_is_kept_in_order_until_it_can(
    store: Store, box: Box, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()
    real, is_in_trouble = keeping.record_sms, True

    async def record(store: Store, sms: Any) -> Any:
        if is_in_trouble:
            tried.set()
            raise Unavailable("the disk is full")
        return await real(store, sms)

    monkeypatch.setattr(keeping, "record_sms", record)
    async with dialled(store, box):
        await box.say(received("one"), received("two"))
        await asyncio.wait_for(tried.wait(), 10)
        box.hang_up()
        await box.say(received("three"))
        assert texts(ear) == []
        is_in_trouble = False
        assert await until_texts(ear, 3) == ["one", "two", "three"]


async def test_a_defect_costs_one_message_and_not_the_next(
    store: Store, box: Box, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = keeping.record_sms

    async def record(store: Store, sms: Any) -> Any:
        if sms.message == "bad":
            raise RuntimeError("a defect")
        return await real(store, sms)

    monkeypatch.setattr(keeping, "record_sms", record)
    with capture_logs() as logs:
        async with dialled(store, box):
            await box.say(received("bad"), received("good"))
            assert await until_texts(ear, 1) == ["good"]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["yeastar.defect"]


async def test_heartbeats_that_cannot_be_stored_do_not_end_the_link(
    store: Store, box: Box, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as trouble:
        trouble.setattr(keeping, "record_heartbeat", fail)
        async with dialled(store, box):
            await box.until(lambda: box.commands.count("gsm show spans") >= 3)
            trouble.undo()
            await ear.until(lambda: ear.named("device-heartbeat"))
    assert box.n_logins == 1


async def test_a_message_before_the_first_heartbeat_registers_the_box(
    store: Store, box: Box, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.gateways.yeastar_box.ANSWERS", {"gsm show spans": b""})
    async with dialled(store, box, answer=30):
        await box.say(received("early"))
        assert await until_texts(ear, 1) == ["early"]
    assert store.fleet.find("office") is not None


async def test_a_box_that_an_operator_removed_comes_back(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await ear.until(lambda: ear.named("device-heartbeat"))
        await remove_device(store, "office")
        await box.say(received("after"))
        assert await until_texts(ear, 1) == ["after"]


async def test_a_report_is_a_fact_of_the_box(store: Store, box: Box, ear: Ear) -> None:
    async with dialled(store, box):
        await box.say(sent("out-1", 0))
        await ear.until(lambda: ear.named("delivery-report"))
    [event] = ear.named("delivery-report")
    assert isinstance(event.data, dict)
    assert (event.data["reference"], event.data["status"]) == ("out-1", "failed")


async def test_an_unfinished_message_is_stored_when_nobody_waits_any_more(
    store: Store, box: Box, ear: Ear, clock: FakeClock
) -> None:
    async with dialled(store, box):
        await box.say(received("one", id="1", index=1, total=2))
        await ear.until(lambda: len(ear.named("device-heartbeat")) >= 2)
        clock.advance(601)
        assert await until_texts(ear, 1) == ["one[…]"]


async def test_an_unfinished_message_is_stored_when_the_server_stops(
    store: Store, box: Box, ear: Ear
) -> None:
    async with dialled(store, box):
        await box.say(received("two", id="1", index=2, total=2), received("marker"))
        await until_texts(ear, 1)
    assert texts(ear) == ["marker", "[…]two"]


async def test_the_server_dials_the_boxes_of_its_settings(make_server: MakeServer, box: Box) -> None:
    setting = f"office=tcp://apiuser:s3cr%3At%2F%26@127.0.0.1:{box.port}"
    server = await asyncio.to_thread(make_server(YEASTAR=setting).start)
    await box.say(received("hello"))
    await box.until(lambda: box.commands.count("gsm show span 3") >= 1)
    frames = (await asyncio.to_thread(server.get, "/api/frames", server.admin)).json["frames"]
    assert "Event: ReceivedSMS" in str(frames)
    assert "s3cr" not in str(frames)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    device = (await asyncio.to_thread(server.get, "/api/devices/office", server.admin)).json["device"]
    assert (device["make"], len(device["simSlots"])) == ("yeastar", 2)
    stored = (await asyncio.to_thread(server.get, "/api/sms", server.admin)).json["messages"]
    assert [each["message"] for each in stored] == ["hello"]
    assert "s3cr" not in server.log
