"""Old Dinstar boxes at the TCP port: what is answered, and what is on disk when it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from goip.gateways.dinstar import listener as module
from goip.store import tables as t
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.gateways import dwg
from tests.gateways.dinstar_boxes import (
    PATIENCE_SECONDS,
    SHORT_KEY,
    PlugIn,
    Serve,
    known,
    logged_in,
    texts,
)
from tests.store.lives import all_rows

# ---- what is taken ----


async def test_a_message_is_on_disk_when_it_is_answered_and_there_once(store: Store, plug_in: PlugIn) -> None:
    box = await logged_in(plug_in)
    for serial in (6, 6, 9):
        assert await box.ask(dwg.sms("Привет", serial=serial)) == dwg.ack(5, serial=serial)
        assert await texts(store) == ["Привет"]
    again = await logged_in(plug_in)
    assert await again.ask(dwg.sms("Привет")) == dwg.ack(5)
    assert await again.ask(dwg.sms("another")) == dwg.ack(5)
    assert await texts(store) == ["Привет", "another"]


async def test_ports_are_shown_with_what_two_frames_tell(store: Store, plug_in: PlugIn) -> None:
    box = await logged_in(plug_in)
    assert await box.ask(dwg.states(0, 1)) == dwg.ack(7)
    assert await box.ask(dwg.signals(21, 99)) == dwg.ack(13)
    told = [(slot.slot_index, slot.status, slot.signal_strength) for slot in known(store).slots]
    assert told == [(0, "registered", 21), (1, "no sim", None)]


async def test_a_keepalive_is_a_sign_of_life(store: Store, plug_in: PlugIn, clock: FakeClock) -> None:
    box = await logged_in(plug_in)
    clock.advance(45)
    box.send(dwg.frame(0))
    assert await box.ask(dwg.frame(515)) == dwg.ack(515)
    assert known(store).last_seen_at == clock()


async def test_results_and_ussd_are_facts_of_the_box(store: Store, plug_in: PlugIn) -> None:
    box = await logged_in(plug_in)
    assert await box.ask(dwg.frame(3, bytes(30))) == dwg.ack(3)
    assert await box.ask(dwg.frame(11, b"\1\0\0\2\0ok")) == dwg.ack(11)
    events = [row["event"] for row in await all_rows(store, t.events)]
    assert events[-2:] == ["delivery-report", "ussd-received"]


async def test_frames_come_together_and_in_pieces(store: Store, plug_in: PlugIn) -> None:
    box = await plug_in()
    data = dwg.login("any", SHORT_KEY) + dwg.states(0) + dwg.frame(0) + dwg.sms("1") + dwg.sms("2")
    for n in range(0, len(data), 7):
        box.send(data[n : n + 7])
        await box.writer.drain()
        await asyncio.sleep(0)
    assert await box.hear(4 * 25) == dwg.ack(15) + dwg.ack(7) + dwg.ack(5) + dwg.ack(5)
    assert await texts(store) == ["1", "2"]


async def test_a_body_that_cannot_be_read_is_answered_no_and_the_next_is_taken(
    store: Store, plug_in: PlugIn
) -> None:
    box = await logged_in(plug_in)
    assert await box.ask(dwg.frame(5, b"cut off")) == dwg.ack(5, is_ok=False)
    assert await box.ask(dwg.frame(7)) == dwg.ack(7, is_ok=False)
    assert await box.ask(dwg.sms("good")) == dwg.ack(5)
    assert await texts(store) == ["good"]


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 500, dwg.frame(5)[:4] * 99]
)
async def test_garbage_ends_its_connection_and_harms_nobody(plug_in: PlugIn, garbage: bytes) -> None:
    box = await logged_in(plug_in)
    stranger = await plug_in()
    stranger.send(garbage)
    assert await stranger.hears_the_end() == b""
    assert await box.ask(dwg.states(0)) == dwg.ack(7)


async def test_what_cannot_be_stored_is_not_answered_until_it_can(
    store: Store, plug_in: PlugIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await logged_in(plug_in)
    with monkeypatch.context() as full:
        full.setattr(store.writer, "_queue_size", 0)
        box.send(dwg.sms("hello"), dwg.frame(5, b"cut off"))
        assert await box.hear() == dwg.ack(5, is_ok=False)  # of the second: the first has none
    assert await box.ask(dwg.sms("hello")) == dwg.ack(5)
    assert await texts(store) == ["hello"]


async def test_a_login_that_cannot_be_stored_is_not_answered(
    store: Store, plug_in: PlugIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await plug_in()
    with monkeypatch.context() as full:
        full.setattr(store.writer, "_queue_size", 0)
        box.send(dwg.login("any", SHORT_KEY), dwg.frame(15, b"cut off"))
        assert await box.hear() == dwg.ack(15, is_ok=False)
    assert len(store.fleet) == 0
    assert await box.ask(dwg.login("any", SHORT_KEY)) == dwg.ack(15)


# ---- bounds ----


async def test_the_box_hears_from_us_once_it_is_in(serve_boxes: Serve, clock: FakeClock) -> None:
    plug_in, _ = await serve_boxes(keepalive_seconds=0.01)
    silent, box = await plug_in(), await logged_in(plug_in)
    assert await box.hear(24) == dwg.frame(0, at=clock() // 1000, serial=1)
    assert await box.hear(24) == dwg.frame(0, at=clock() // 1000, serial=2)
    silent.writer.write_eof()
    assert await silent.hears_the_end() == b""


async def test_who_does_not_log_in_is_sent_away_however_much_it_sends(serve_boxes: Serve) -> None:
    plug_in, _ = await serve_boxes(login_seconds=0.05)
    box = await plug_in()
    box.send(dwg.frame(0), dwg.frame(0)[:5])
    assert await box.hears_the_end() == b""


async def test_a_box_that_falls_silent_is_hung_up_on(serve_boxes: Serve) -> None:
    plug_in, _ = await serve_boxes(silence_seconds=0.05)
    box = await logged_in(plug_in)
    box.send(dwg.frame(0)[:5])
    assert await box.hears_the_end() == b""


async def test_an_address_has_so_many_connections_and_no_more(serve_boxes: Serve) -> None:
    plug_in, _ = await serve_boxes(connections_per_address=2)
    first, _second = await logged_in(plug_in), await logged_in(plug_in)
    assert await (await plug_in()).hears_the_end() == b""
    assert await first.ask(dwg.frame(515)) == dwg.ack(515)
    first.writer.write_eof()
    await first.hears_the_end()
    await logged_in(plug_in)


async def test_there_are_so_many_connections_in_all(
    serve_boxes: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)
    plug_in, _ = await serve_boxes()
    await logged_in(plug_in)
    assert await (await plug_in()).hears_the_end() == b""


async def test_an_address_that_sends_too_much_is_hung_up_on(serve_boxes: Serve) -> None:
    left = iter([True, True])
    plug_in, _ = await serve_boxes(allow=lambda _address: next(left, False))
    box = await logged_in(plug_in)
    assert await box.ask(dwg.sms()) == dwg.ack(5)
    box.send(dwg.sms("too much"))
    assert await box.hears_the_end() == b""


async def test_a_stop_answers_what_is_being_stored_and_hangs_up(
    store: Store, serve_boxes: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in, listener = await serve_boxes()
    idle, box = await plug_in(), await logged_in(plug_in)
    began, may_go_on = asyncio.Event(), asyncio.Event()
    record = store.record

    async def slowly(change: Any) -> Any:
        began.set()
        await may_go_on.wait()
        return await record(change)

    monkeypatch.setattr(store, "record", slowly)
    box.send(dwg.sms("last words"))
    await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
    closing = asyncio.create_task(listener.close())
    assert await idle.hears_the_end() == b""
    may_go_on.set()
    assert await box.hears_the_end() == dwg.ack(5)
    await closing
    assert await texts(store) == ["last words"]


async def test_a_defect_of_ours_ends_one_connection_and_answers_nothing(
    store: Store, plug_in: PlugIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, other = await logged_in(plug_in), await plug_in()

    async def broken(_change: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as defect:
        defect.setattr(store, "record", broken)
        box.send(dwg.sms("hello"))
        assert await box.hears_the_end() == b""
    assert await other.ask(dwg.login("any", SHORT_KEY)) == dwg.ack(15)
    assert await other.ask(dwg.sms("hello")) == dwg.ack(5)
