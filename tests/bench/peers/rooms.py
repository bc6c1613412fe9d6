"""goip for the fan-out benchmark: the real app, as `goip serve` runs it, with one route more.

`POST /bench/publish` publishes facts into the real hub as fast as they can be told: no database commits them, as
it would be the database that is measured. Everything from the hub on is goip's own: groups, batches, encoding,
queues, and the transports with their stock protocols. The hub is asked to flush when an event (or a burst of them)
was published, not after its pause, which holds telling to a part of the loop's time on purpose; and the next one
waits until every client's queue is empty, so that nothing shares a write with what was published before it.
"""

from __future__ import annotations

import asyncio
import json
import time
from operator import attrgetter
from pathlib import Path
from typing import Any

from aiohttp import web

from goip import serve
from goip.api.appkeys import HUB, STORE
from goip.app import build_app
from goip.clock import now_ms
from goip.config import Config
from goip.models import DASHBOARD, Event
from goip.realtime.subscriber import Subscriber

FACT: dict[str, Any] = json.loads((Path(__file__).parent / "fact.json").read_text())
_N_QUEUED = attrgetter("n_queued")


async def publish(request: web.Request) -> web.Response:
    """Publish for `seconds`, `perTurn` events at a time; answers with what was published, and since when."""
    wish = await request.json()
    hub, fleet = request.app[HUB], request.app[STORE].fleet
    first_seq, started_at = fleet.seq + 1, time.monotonic()
    members = hub.members(DASHBOARD)
    while time.monotonic() < started_at + wish["seconds"]:
        seqs = range(fleet.seq + 1, fleet.seq + 1 + wish["perTurn"])
        fleet.seq = seqs[-1]
        hub.publish(
            [Event(seq, "sms-received", (DASHBOARD,), {**FACT, "seq": seq}, now_ms()) for seq in seqs]
        )
        hub.flush()
        await _until_written(members)
    return web.json_response({"startedAt": started_at, "firstSeq": first_seq, "lastSeq": fleet.seq})


async def _until_written(members: list[Subscriber]) -> None:
    """One turn of the loop at least, as the peer's `setImmediate`: what was written in it leaves at its end."""
    await asyncio.sleep(0)
    while any(map(_N_QUEUED, members)):
        await asyncio.sleep(0)


def build(config: Config) -> web.Application:
    """goip, and the route."""
    app = build_app(config)
    app.router.add_post("/bench/publish", publish)
    return app


if __name__ == "__main__":
    serve.build_app = build  # type: ignore[attr-defined]
    serve.run(Config.from_env())
