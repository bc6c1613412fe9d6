"""Server-Sent Events: a stream that never begins."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from goip.auth.principals import Principal, permissions_of
from goip.errors import Unavailable
from goip.models import DASHBOARD
from goip.realtime.hub import Hub
from goip.realtime.replay import History
from goip.realtime.sse import stream_events
from goip.store.store import Store

VIEWER = Principal(kind="user", username="anna", permissions=permissions_of("viewer"))


class Unreadable(History):
    """Of a database that does not answer."""

    async def missed(self, *_: Any) -> Any:
        raise Unavailable("the database does not answer")


async def test_a_stream_whose_history_cannot_be_read_leaves_no_listener_behind(store: Store) -> None:
    hub = Hub(store.fleet)
    history = Unreadable(store, replay_limit=100)
    request = make_mocked_request("GET", "/api/events")
    with pytest.raises(Unavailable):
        await stream_events(request, hub, history, VIEWER, {DASHBOARD}, store.fleet.cursor)
    assert list(hub.subscribers) == []
