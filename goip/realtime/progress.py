"""Long jobs, and how they tell how far they are.

A job has a session, and the session a room of the hub. What is told there is a state: each `progress` makes the
one before worthless, and `complete` or `error` is the last word. It is no part of the stream: it has no `seq`,
moves no cursor, and is kept in memory only. A `version` counts what was told of a job, and `told` is the newest
of it, for whoever comes later.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable

import structlog

from goip.auth.principals import Principal, authorise_join
from goip.clock import Clock, to_iso
from goip.errors import GoipError, TooManyRequests
from goip.models import session_room
from goip.realtime.hub import Hub
from goip.realtime.subscriber import Subscriber
from goip.wire import Json, dumps

log = structlog.get_logger(__name__)

TELL_EVERY_SECONDS = 0.25
MOST_RUNNING = 50
MOST_ENDED_KEPT = 200
KEEP_ENDED_SECONDS = 3600.0
_LONGEST_ERROR = 500


class Job:
    """One piece of long work. Whoever does the work calls `advance`; `Jobs` does the rest."""

    def __init__(self, session_id: str, owner: str, total: int, on_change: Callable[[Job], None]) -> None:
        self.session_id = session_id
        self.owner = owner
        self.total = total
        self.room = session_room(session_id)
        self.status = "running"
        self.n_succeeded = self.n_failed = self.n_skipped = 0
        self.last_error: str | None = None
        self.version = 0
        self.told = b""
        self.started = asyncio.get_running_loop().time()
        self.ended: float | None = None
        self.told_last = 0.0
        self.has_news = False
        self.timer: asyncio.TimerHandle | None = None
        self.late: set[Subscriber] = set()
        self._on_change = on_change

    @property
    def event(self) -> str:
        """The name under which its newest word is told."""
        return "progress" if self.status == "running" else self.status

    @property
    def n_processed(self) -> int:
        """How many items it is done with, one way or another."""
        return self.n_succeeded + self.n_failed + self.n_skipped

    def advance(
        self, succeeded: int = 0, failed: int = 0, skipped: int = 0, last_error: str | None = None
    ) -> None:
        """So many more items are done; `last_error` says what was wrong with the last one that failed."""
        self.n_succeeded += succeeded
        self.n_failed += failed
        self.n_skipped += skipped
        if last_error is not None:
            self.last_error = last_error[:_LONGEST_ERROR]
        self._on_change(self)

    def as_json(self, now: float, at: int) -> Json:
        """How far it is: `now` by the loop's clock, `at` in ms since the epoch."""
        seconds = max((self.ended or now) - self.started, 0.001)
        rate = self.n_processed / seconds
        left = 0 if self.ended is not None else self.total - self.n_processed
        return {
            "sessionId": self.session_id,
            "status": self.status,
            "processed": self.n_processed,
            "total": self.total,
            "succeeded": self.n_succeeded,
            "failed": self.n_failed,
            "skipped": self.n_skipped,
            "ratePerSecond": round(rate, 1),
            "etaSeconds": round(max(left, 0) / rate, 1) if rate else None,
            "lastError": self.last_error,
            "version": self.version,
            "at": to_iso(at),
        }


Work = Callable[[Job], Awaitable[None]]


class Jobs:
    """The long jobs of this server: those that run, and for a while those that ended."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[Job, asyncio.Task[None]] = {}

    def start(self, principal: Principal, total: int, work: Work) -> Job:
        """Begin a job of `total` items that is the caller's. `work` returns when it is complete, and raises when not.

        A GoipError tells the listeners what it says. Raises TooManyRequests while too many run.
        """
        self._forget_old()
        if len(self._tasks) >= MOST_RUNNING:
            raise TooManyRequests("too many jobs run already", retry_after_seconds=5)
        job = Job(secrets.token_urlsafe(15), principal.owner, total, self._changed)
        self._jobs[job.session_id] = job
        self._tell(job)
        self._tasks[job] = asyncio.create_task(self._run(job, work), name=f"job-{job.session_id}")
        return job

    def find(self, principal: Principal, session_id: str) -> Job:
        """The job of a session that the caller may watch. Raises NotFound, Forbidden."""
        self._forget_old()
        job = self._jobs.get(session_id)
        authorise_join(principal, session_room(session_id), None if job is None else job.owner)
        return self._jobs[session_id]

    def join(self, client: Subscriber, session_id: str, after: int = 0) -> Job:
        """Let the client hear of a job from now on, beginning with its newest word, if that is after `after`.

        Raises NotFound, Forbidden.
        """
        job = self.find(client.principal, session_id)
        told_upto = self._hub.subscribe(client, client.rooms)
        self._hub.subscribe(client, client.rooms | {job.room})
        client.told_upto = told_upto  # the room is outside of the stream: its next frame starts where it did
        if job.version > after:
            client.tell(job.event, job.told)
        return job

    async def close(self) -> None:
        """End the jobs that run; their listeners are told."""
        running = list(self._tasks.items())
        for _, task in running:
            task.cancel()
        for job, task in running:
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if job.ended is None:
                self._end(job, "error", "the server is stopping")

    async def _run(self, job: Job, work: Work) -> None:
        try:
            await work(job)
        except GoipError as refusal:
            self._end(job, "error", refusal.message)
        except Exception:
            log.exception("job.defect", session=job.session_id)
            self._end(job, "error", "internal error")
        else:
            self._end(job, "complete")

    def _end(self, job: Job, status: str, error: str | None = None) -> None:
        self._tasks.pop(job, None)
        job.status = status
        job.ended = asyncio.get_running_loop().time()
        if error is not None:
            job.last_error = error[:_LONGEST_ERROR]
        self._tell(job)

    def _changed(self, job: Job) -> None:
        job.has_news = True
        if job.timer is None:
            loop = asyncio.get_running_loop()
            job.timer = loop.call_at(job.told_last + TELL_EVERY_SECONDS, self._due, job)

    def _due(self, job: Job) -> None:
        job.timer = None
        if job.has_news:
            self._tell(job)
        else:
            self._tell_these(job, job.late.intersection(self._hub.members(job.room)))

    def _tell(self, job: Job) -> None:
        """Tell everyone in its room how far the job is."""
        loop = asyncio.get_running_loop()
        if job.timer is not None:
            job.timer.cancel()
            job.timer = None
        job.has_news = False
        job.version += 1
        job.told_last = loop.time()
        job.told = dumps(job.as_json(job.told_last, self._clock()))
        self._tell_these(job, self._hub.members(job.room))

    def _tell_these(self, job: Job, listeners: Iterable[Subscriber]) -> None:
        """Who does not read now is told later: not this, but what is the newest then."""
        job.late = set()
        for listener in listeners:
            if listener.is_writable():
                listener.tell(job.event, job.told)
            else:
                job.late.add(listener)
        if job.late:
            job.timer = asyncio.get_running_loop().call_later(TELL_EVERY_SECONDS, self._due, job)

    def _forget_old(self) -> None:
        """Let go of what ended long ago, and of the oldest where there are too many."""
        now = asyncio.get_running_loop().time()
        ended = sorted((job.ended, job.session_id) for job in self._jobs.values() if job.ended is not None)
        n_too_many = len(ended) - MOST_ENDED_KEPT
        for place, (at, session_id) in enumerate(ended):
            if place < n_too_many or now - at > KEEP_ENDED_SECONDS:
                del self._jobs[session_id]
