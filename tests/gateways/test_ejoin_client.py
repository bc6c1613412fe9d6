"""An Ejoin box that is asked: its state, and what its memory holds and nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from goip.api.replaying import claimed, fixture_json, understood
from goip.errors import Conflict, Unauthorized, Unavailable
from goip.gateways.asking import looking
from goip.gateways.ejoin import client as client_module
from goip.gateways.ejoin.client import EjoinClient
from goip.gateways.ejoin.decode import decode
from goip.ingest import Enrolment, record_heartbeat, record_sms
from goip.models import Device, Heartbeat, InboundSms
from goip.operations import remove_device
from goip.recovery import place_in_memory
from goip.simulator.boxes.messages import Message
from goip.store import tables as t
from goip.store.store import Store
from goip.wirelog.frames import frame_json
from goip.wirelog.log import WireLog
from tests.conftest import FakeClock
from tests.gateways import asked_box as http_boxes
from tests.gateways.dbl_line import until
from tests.gateways.ejoin_asked import NAME, QUICK, AskedBox, asked_box, asking
from tests.gateways.ejoin_pushes import forward, packed
from tests.store.lives import Ear, all_rows

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def box() -> AsyncIterator[AskedBox]:
    async with asked_box() as box:
        yield box


@pytest.fixture
def ear(store: Store) -> Ear:
    return Ear(store)


async def look(store: Store, box: Any) -> None:
    """The first look of a server that has just started."""
    async with asking(store, box) as client:
        await client.look()


def recovered(ear: Ear) -> list[int]:
    told: list[Any] = [event.data for event in ear.named("sms-recovered")]
    return [each["nMessages"] for each in told]


async def texts(store: Store) -> list[str]:
    return [row["message"] for row in await all_rows(store, t.sms)]


def device(store: Store) -> Device:
    found = store.fleet.find(NAME)
    assert found is not None
    return found


# ---- its memory ----


async def test_what_came_while_goip_was_away_is_recovered_and_told(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    for n in range(3):
        box.hears(f"message {n}", 1_755_697_537 + n)
    await look(store, box)
    assert await texts(store) == ["message 0", "message 1", "message 2"]
    assert recovered(ear) == [3]


async def test_it_is_read_on_from_where_it_stopped(store: Store, box: AskedBox, ear: Ear) -> None:
    box.hears("before")
    await look(store, box)
    box.hears("while away")
    await look(store, box)
    await look(store, box)
    assert recovered(ear) == [1, 1]
    place = await place_in_memory(store, NAME)
    assert place == (box.memory.life, 3, 0)


async def test_what_was_pushed_is_fetched_once(store: Store, box: AskedBox, ear: Ear) -> None:
    sms = box.hears("hello")
    await record_heartbeat(store, Heartbeat(NAME), enrolment=Enrolment(None, "ejoin"))
    await record_sms(store, sms)
    await look(store, box)
    assert await texts(store) == ["hello"]
    assert recovered(ear) == []


async def test_what_was_fetched_is_not_taken_from_a_push_again(store: Store, box: AskedBox) -> None:
    sms = box.hears("hello")
    await look(store, box)
    assert (await record_sms(store, sms)).is_repeat
    assert await texts(store) == ["hello"]


@pytest.mark.parametrize("is_forwarded_first", [True, False])
async def test_what_is_forwarded_as_text_is_the_message_that_the_memory_holds(
    is_forwarded_first: bool, store: Store, box: AskedBox
) -> None:
    message, at = Message(NAME, 1, "12055550122", "hello"), 1_755_697_537
    letter = box.make_letter(
        box.slots[0], message, "", at - 2
    )  # the centre had it two seconds before the box
    row = box.make_row(box.slots[0], message, at)
    row[5] = packed(letter)
    [sms] = decode(forward(letter, NAME, port="1.01"))
    assert isinstance(sms, InboundSms)
    await look(store, box)
    box.memory.receive(row)
    if not is_forwarded_first:
        await look(store, box)
    assert (await record_sms(store, sms)).is_repeat is not is_forwarded_first
    await look(store, box)
    box.memory.restart()
    await look(store, box)
    assert await texts(store) == ["hello"]


async def test_after_its_restart_it_is_read_from_the_beginning(store: Store, box: AskedBox, ear: Ear) -> None:
    box.hears("one")
    box.hears("two")
    await look(store, box)
    box.memory.restart()
    box.hears("three")
    await look(store, box)
    assert await texts(store) == ["one", "two", "three"]
    assert recovered(ear) == [2, 1]


async def test_a_memory_that_was_emptied_is_read_from_the_beginning(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    for n in range(5):
        box.hears(f"old {n}")
    await look(store, box)
    box.memory._rows.clear()
    box.hears("new")
    await look(store, box)
    assert (await texts(store))[-1] == "new"
    assert recovered(ear) == [5, 1]


async def test_much_is_read_page_by_page_and_told_in_one_sum(store: Store, box: AskedBox, ear: Ear) -> None:
    for n in range(450):
        box.hears(f"message {n}", 1_755_000_000 + n)
    await look(store, box)
    assert len(await texts(store)) == 450
    assert recovered(ear) == [450]


async def test_a_look_ends_and_the_next_goes_on(
    store: Store, box: AskedBox, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_MOST_PAGES", 2)
    for n in range(450):
        box.hears(f"message {n}", 1_755_000_000 + n)
    async with asking(store, box) as client:
        await client.look()
        assert len(await texts(store)) == 200
        await client.look()
        await client.look()
    assert len(await texts(store)) == 450
    assert recovered(ear) == [450]


async def test_what_has_just_come_is_stored_and_not_called_recovered(
    store: Store, box: AskedBox, ear: Ear, clock: FakeClock
) -> None:
    async with asking(store, box) as client:
        await client.look()
        now = clock() // 1000
        box.hears("a push is under way", now - 2)
        box.hears("its push was lost", now - 30)
        await client.look()
    assert len(await texts(store)) == 2
    assert recovered(ear) == [1]


async def test_what_came_while_the_box_could_not_be_reached_is_recovered(
    store: Store, box: AskedBox, ear: Ear, clock: FakeClock
) -> None:
    with capture_logs() as logs:
        async with asking(store, box) as client, looking([client]):
            await until(lambda: store.fleet.find(NAME) is not None)
            box.close()
            await until(lambda: "box.not_reached" in [line["event"] for line in logs])
            box.hears("while out of reach", clock() // 1000 - 1)
            await box.plug_in()
            await ear.until(lambda: recovered(ear) == [1])
    assert await texts(store) == ["while out of reach"]


async def test_reports_of_deliveries_are_told_once(store: Store, box: AskedBox, ear: Ear) -> None:
    box.memory.receive([1, "1A", 1_755_697_537, "8613800", "123", "0 250820064536A8"])
    await look(store, box)
    box.memory.restart()
    await look(store, box)
    [report] = ear.named("delivery-report")
    assert isinstance(report.data, dict)
    assert (report.data["statusCode"], report.data["recipient"]) == (0, "123")


async def test_a_row_that_cannot_be_made_out_costs_nothing_else(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    box.memory.receive(["?"])
    await look(store, box)
    box.hears("readable")
    await look(store, box)
    assert await texts(store) == ["readable"]
    assert recovered(ear) == [1]


async def test_nothing_moves_while_the_database_is_in_trouble(
    store: Store, box: AskedBox, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.hears("hello")

    async def refuse(*_: Any) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(client_module, "record_piece", refuse)
        with pytest.raises(Unavailable):
            await look(store, box)
    assert await place_in_memory(store, NAME) is None
    await look(store, box)
    assert recovered(ear) == [1]


def answering(**told: Any) -> Callable[[web.BaseRequest], Any]:
    """A box whose memory says that, whatever it is asked."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path != "/goip_get_sms.html":
            return web.Response(status=404)
        return web.json_response({"code": 0, "ssrc": "a", "next_sms": 1, "data": []} | told)

    return answer


async def test_a_box_that_gives_all_it_has_at_once_is_taken_in_pieces(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    rows = [[0, "1A", 1_755_000_000 + n, "12055550122", "", f"message {n}"] for n in range(600)]
    async with http_boxes.AskedBox(answering(next_sms=601, data=rows)) as other:
        await look(store, other)
    assert len(await texts(store)) == 600
    assert recovered(ear) == [600]


async def test_a_box_that_names_another_life_each_time_ends_a_look(store: Store) -> None:
    lives = iter(range(1_000))

    async def answer(request: web.BaseRequest) -> web.Response:
        return await answering(ssrc=next(lives), next_sms=500)(request)  # type: ignore[no-any-return]

    async with http_boxes.AskedBox(answer) as other:
        await look(store, other)
        await look(store, other)
        n_questions = len(other.questions)
    assert n_questions < 12


async def test_what_it_answered_is_understood_again_and_makes_a_fixture(store: Store, box: AskedBox) -> None:
    log = WireLog(store.clock, claimed, monotonic=lambda: 0.0)
    box.hears("hello")
    async with asking(store, box, keeping=log.keeping) as client:
        await client.look()
        await client.send_sms(7, "+12055550199", "hello")
    heard = [frame for frame in log.frames_of(NAME) if frame.direction == "in"]
    assert [understood(frame)["refused"] for frame in heard] == [None] * 3
    told = [frame["understood"] for frame in fixture_json(heard)["frames"]]
    assert [[each["kind"] for each in frame] for frame in told] == [["heartbeat"], ["sms"], []]
    assert (told[1][0]["deviceId"], told[1][0]["message"]) == (NAME, "hello")
    other = heard[0]._replace(make="kannel")
    assert fixture_json([other])["frames"] == []
    with pytest.raises(Conflict):
        understood(other)


# ---- its state ----


async def test_a_box_is_registered_with_its_ports(store: Store, box: AskedBox) -> None:
    await look(store, box)
    known = device(store)
    assert (known.make, known.status, known.interval_seconds) == ("ejoin", "online", 2)
    assert [slot.slot_index for slot in known.slots] == [101, 201]
    assert known.slots[0].iccid == box.slots[0].sim.iccid


async def test_a_box_that_reports_by_itself_is_not_asked_for_its_state(
    store: Store, box: AskedBox, clock: FakeClock, ear: Ear
) -> None:
    beat = Heartbeat(NAME, interval_seconds=60)
    await record_heartbeat(store, beat, enrolment=Enrolment(None, "ejoin"))
    async with asking(store, box) as client:
        clock.advance(50)
        await client.look()
        assert device(store).interval_seconds == 60
        assert len(ear.named("device-heartbeat")) == 1
        clock.advance(50)
        await client.look()
        assert device(store).interval_seconds == 2
        await client.look()
        assert len(ear.named("device-heartbeat")) == 3


async def test_cards_that_only_reports_tell_stay(store: Store, box: AskedBox, ear: Ear) -> None:
    await look(store, box)
    slots = device(store).slots
    other = slots[0]._replace(slot_index=102, iccid="8900000000000000002", imsi=None)
    await record_heartbeat(store, Heartbeat(NAME, sim_slots=(*slots, other)))
    async with asking(store, box) as client:
        client._asked_at = device(store).last_seen_at
        await client.look()
    assert [slot.slot_index for slot in device(store).slots] == [101, 102, 201]
    assert ear.named("sim-vanished") == []


async def test_a_box_without_a_page_for_its_state_lives_all_the_same(store: Store, ear: Ear) -> None:
    async with http_boxes.AskedBox(answering()) as other, asking(store, other) as client:
        await client.look()
        await client.look()
        paths = [question.partition("?")[0] for question in other.questions]
    assert len(ear.named("device-heartbeat")) == 2
    assert paths.count("/goip_get_status.html") == 1


async def test_a_box_that_was_removed_is_back_with_the_next_look(store: Store, box: AskedBox) -> None:
    async with asking(store, box) as client:
        await client.look()
        await remove_device(store, NAME)
        box.hears("hello")
        await client.look()
    assert device(store).status == "online"
    assert await texts(store) == ["hello"]


async def test_a_wrong_password_stores_nothing_and_stands_nowhere(store: Store, box: AskedBox) -> None:
    log = WireLog(store.clock, claimed, monotonic=lambda: 0.0)
    box.hears("hello")
    client = EjoinClient(box.address("wr0ng-secret"), store, QUICK, log.keeping)
    with pytest.raises(Unauthorized, match="14 Unauthorized"):
        await client.look()
    await client.link.close()
    assert await texts(store) == []
    assert store.fleet.find(NAME) is None
    frames = [frame_json(frame) for frame in log.frames()]
    assert frames
    assert "wr0ng" not in str(frames)
