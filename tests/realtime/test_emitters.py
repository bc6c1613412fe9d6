"""Python's side of the events: what is emitted is a fact like any other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import socketio

from goip.models import DASHBOARD, EVERYWHERE
from goip.realtime import emitters
from goip.realtime.emitters import (
    emit_to_all,
    emit_to_dashboard,
    emit_to_device,
    get_connected_count,
    get_socket_io,
    is_user_connected,
)
from goip.realtime.hub import Hub
from goip.store import tables as t
from goip.store.store import Store
from tests.realtime.listeners import Listener
from tests.store.lives import Ear, all_rows

Emit = Callable[[str, dict[str, Any]], Awaitable[int]]


@pytest.fixture
async def server(store: Store) -> socketio.AsyncServer:
    server = socketio.AsyncServer(async_mode="aiohttp")
    emitters.wire(store, server, Hub(store.fleet))
    return server


@pytest.fixture(autouse=True)
def unwired_after() -> Iterator[None]:
    yield
    emitters._Wiring.store = emitters._Wiring.server = emitters._Wiring.hub = None


@pytest.mark.parametrize(
    ("emit", "room"),
    [
        (emit_to_dashboard, DASHBOARD),
        (lambda name, data: emit_to_device("gw-1", name, data), "device-gw-1"),
        (emit_to_all, EVERYWHERE),
    ],
)
async def test_what_is_emitted_is_committed_and_told_to_its_room(
    store: Store, server: socketio.AsyncServer, emit: Emit, room: str
) -> None:
    ear = Ear(store)
    seq = await emit("maintenance", {"at": "noon", "seq": "anything"})
    (event,) = ear.named("maintenance")
    assert (event.seq, event.rooms, event.subject) == (seq, (room,), None)
    assert event.data == {"at": "noon", "seq": seq}
    (row,) = [row for row in await all_rows(store, t.events) if row["seq"] == seq]
    assert (row["event"], row["room"], row["on_dashboard"]) == ("maintenance", room, room == DASHBOARD)


async def test_data_that_is_no_json_is_refused_and_told_to_nobody(
    store: Store, server: socketio.AsyncServer
) -> None:
    ear = Ear(store)
    for data in ({"x": object()}, {"x": "\ud800"}, {"x": 2**70}):
        with pytest.raises(TypeError):
            await emit_to_dashboard("broken", data)
    assert await emit_to_dashboard("whole", {}) == 1
    assert [event.name for event in ear.events if event.subject is None] == ["whole"]


async def test_the_socket_io_server_is_at_hand(server: socketio.AsyncServer) -> None:
    assert get_socket_io() is server


async def test_before_the_server_runs_there_is_nobody_to_tell() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        get_socket_io()
    with pytest.raises(RuntimeError, match="not running"):
        await emit_to_all("maintenance", {})


def test_connections_are_counted_and_a_user_is_found(server: socketio.AsyncServer) -> None:
    hub = emitters._hub()
    assert (get_connected_count(), is_user_connected("anna")) == (0, False)
    listener = Listener()
    hub.connect(listener)
    hub.connect(Listener())
    assert (get_connected_count(), is_user_connected("anna"), is_user_connected("ben")) == (2, True, False)
    hub.unsubscribe(listener)
    assert get_connected_count() == 1


def test_connections_cannot_be_counted_before_the_server_runs() -> None:
    with pytest.raises(RuntimeError):
        get_connected_count()
