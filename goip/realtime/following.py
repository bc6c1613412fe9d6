"""Following one job over plain HTTP: Server-Sent Events, and (long) polling.

An event's `id` is the job's version; `Last-Event-ID` goes on from there, by the newest word alone.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from goip.auth.principals import Principal
from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.progress import Job, Jobs
from goip.realtime.sse import COMMENT, COMMENT_EVERY_SECONDS, HEADERS, RETRY, event_block
from goip.realtime.stream import StreamSubscriber
from goip.realtime.subscriber import Subscriber


class Follower(StreamSubscriber):
    """One open stream of one job; it ends with the job."""

    def __init__(self, principal: Principal, job: Job) -> None:
        super().__init__(principal, "sse", lambda batch: b"")
        self._job = job

    def write(self, batch: Batch) -> None:
        """What else is told is not for this stream."""

    def tell_resync(self, cursor: Cursor) -> None:
        """It has no place in the stream to lose."""

    def tell(self, name: str, data: bytes) -> None:
        """Queue the job's word; the last one ends the stream."""
        self.push(event_block(name, self._job.version, data))
        if self._job.ended is not None:
            self.close("the job has ended")


async def stream_progress(
    request: web.Request, hub: Hub, jobs: Jobs, principal: Principal, job: Job, after: int, address: str
) -> web.StreamResponse:
    """Answer with what is told of the job after version `after`, until it ends or either side does.

    A client that has heard the end is answered 204, at which EventSource comes back no more.
    """
    if job.ended is not None and job.version == after:
        return web.Response(status=204)
    client = Follower(principal, job)
    client.address = address
    client.abort = request.transport.abort if request.transport is not None else None
    try:
        response = web.StreamResponse(headers=HEADERS)
        response.force_close()
        await response.prepare(request)
        client.push(RETRY)
        jobs.join(client, job.session_id, after)
        await client.drain(response.write, COMMENT_EVERY_SECONDS, COMMENT)
        return response
    finally:
        hub.unsubscribe(client)


class OneWord(Subscriber):
    """Listens for the next word of a job."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal, "polling")
        self.arrived = asyncio.Event()

    def is_writable(self) -> bool:
        """One word is all it takes."""
        return True

    def write(self, batch: Batch) -> None:
        """What else is told is not for this client."""

    def tell_resync(self, cursor: Cursor) -> None:
        """It has no place in the stream to lose."""

    def tell(self, name: str, data: bytes) -> None:
        """There is something to answer."""
        self.arrived.set()

    def close(self, reason: str) -> None:
        """Answer at once, with what there is."""
        self.arrived.set()


async def next_progress(
    hub: Hub, jobs: Jobs, principal: Principal, job: Job, after: int, wait_seconds: float, address: str
) -> bytes:
    """The job's newest word; waits up to `wait_seconds` for one after version `after`, if more is to come."""
    if job.version <= after and job.ended is None and wait_seconds > 0:
        listener = OneWord(principal)
        listener.address = address
        try:
            jobs.join(listener, job.session_id, after)
            async with asyncio.timeout(wait_seconds):
                await listener.arrived.wait()
        except TimeoutError:
            pass
        finally:
            hub.unsubscribe(listener)
    return job.told
