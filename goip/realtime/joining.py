"""Joining rooms, on every transport alike: authorised, history first, then what comes."""

from __future__ import annotations

from goip.auth.principals import Principal, authorise_join
from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.replay import History
from goip.realtime.subscriber import Subscriber


async def join(
    hub: Hub, history: History, client: Subscriber, rooms: frozenset[str], after: Cursor | None
) -> Batch:
    """Listen to more rooms. Returns the history: what was missed since `after`, or a snapshot without it.

    The caller sends it, and calls `client.end_replay()` after that. One join at a time for each client.
    Raises Forbidden, Unavailable; then nothing has changed.
    """
    for room in rooms:
        authorise_join(client.principal, room)
    before = client.rooms
    told_upto = hub.subscribe(client, before)  # no change: what was pending for it is out now,
    client.settle()  # and in its hands, so that history cannot overtake it
    begins_at = hub.subscribe(client, before | rooms)
    client.begin_replay()
    try:
        if after is None:
            batch = history.fresh(rooms, None)
        else:
            others = before - rooms
            told = {room: since for room, since in client.heard_since.items() if room in others}
            batch = await history.missed(rooms, after, told)
    except BaseException:
        hub.subscribe(client, before)
        if before:  # between the frame before and the next one nothing happened in its rooms
            client.write(Batch(told_upto, begins_at, (), before))
        client.end_replay()
        raise
    since = after if after is not None and batch.recovered else batch.cursor
    client.heard_since.update(dict.fromkeys(rooms, since.seq))
    return batch


def become(hub: Hub, client: Subscriber, principal: Principal) -> None:
    """The client proved to be somebody else: what another was let into does not outlive that other."""
    if principal != client.principal:
        hub.subscribe(client, ())
        client.principal = principal
