"""Python's side of the events: tell a room something of your own.

What is emitted is a fact like any other: it gets a `seq`, it is committed, and every transport tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import socketio

from goip.models import DASHBOARD, EVERYWHERE, device_room
from goip.realtime.hub import Hub
from goip.store.draft import Draft
from goip.store.store import Store


@dataclass(frozen=True, slots=True)
class Emission:
    """A fact that somebody else thought of."""

    name: str
    data: Mapping[str, Any]
    room: str

    def repeat_keys(self) -> tuple[str, ...]:
        """An emission is no message."""
        return ()

    def decide(self, draft: Draft) -> int:
        """Tell it; returns its seq."""
        return draft.fact(self.name, self.data, self.room, on_dashboard=False)


class _Wiring:
    store: Store | None = None
    server: socketio.AsyncServer | None = None
    hub: Hub | None = None


def wire(store: Store, server: socketio.AsyncServer, hub: Hub) -> None:
    """Called by `app` when the server is up."""
    _Wiring.store, _Wiring.server, _Wiring.hub = store, server, hub


def get_socket_io() -> socketio.AsyncServer:
    """The Socket.IO server of the running application. Raises RuntimeError before it runs."""
    if _Wiring.server is None:
        raise RuntimeError("the server is not running")
    return _Wiring.server


def get_connected_count() -> int:
    """How many clients are connected, whatever transport they are on."""
    return len(_hub().subscribers)


def is_user_connected(username: str) -> bool:
    """True while that user, under this name, has a connection."""
    return _hub().has_user(username)


def _hub() -> Hub:
    if _Wiring.hub is None:
        raise RuntimeError("the server is not running")
    return _Wiring.hub


async def emit_to_dashboard(event: str, data: Mapping[str, Any]) -> int:
    """Tell everyone in room `dashboard`; returns the fact's seq once it is committed."""
    return await _emit(event, data, DASHBOARD)


async def emit_to_device(device_id: str, event: str, data: Mapping[str, Any]) -> int:
    """Tell everyone in the room of that device; returns the fact's seq once it is committed."""
    return await _emit(event, data, device_room(device_id))


async def emit_to_all(event: str, data: Mapping[str, Any]) -> int:
    """Tell everyone who listens to anything; returns the fact's seq once it is committed."""
    return await _emit(event, data, EVERYWHERE)


async def _emit(event: str, data: Mapping[str, Any], room: str) -> int:
    if _Wiring.store is None:
        raise RuntimeError("the server is not running")
    return await _Wiring.store.record(Emission(event, data, room))
