"""The one way to disk: a task that owns the writing connection.

It drains what has queued up while the last commit ran into one transaction, so the batch grows with
the load and nobody waits for a timer. Order of commit, of `seq` and of publishing are the same. No
request can cancel a commit; a full queue is `Unavailable`. A change that the database refuses is tried
again alone, so one bad row harms no neighbour.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.clock import Clock
from goip.errors import GoipError, Unavailable
from goip.models import Event, Sms, Stats
from goip.store.draft import Change, Draft
from goip.store.engine import Database, describe_trouble, is_trouble
from goip.store.fleet import Fleet
from goip.store.fold import Folder
from goip.store.sms import find_repeats

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
Work = Callable[[AsyncConnection], Awaitable[Any]]
Publish = Callable[[Sequence[Event]], None]
CatchUp = Callable[[], Awaitable[Sequence[Event]]]

log = structlog.get_logger(__name__)

MOST_PER_COMMIT = 512
_TICK_SECONDS = 0.25
"""How soon folding and the totals get their turn when nothing else is written."""


class Waiter(Protocol[T_contra]):
    """Who is told, once, what became of a change: a future, or what costs less. It must not block."""

    def done(self) -> bool:
        """True when nobody waits any more."""

    def set_result(self, result: T_contra, /) -> None:
        """It is on disk and published."""

    def set_exception(self, exception: Exception, /) -> None:
        """It is not recorded."""


class Item(NamedTuple):
    """A change, or work of its own on the connection, and who waits for it."""

    task: Change[Any] | Work
    waiter: Waiter[Any]


class Writer:
    """Commits changes; see the module for what it promises."""

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        folder: Folder,
        clock: Clock,
        publish: Publish,
        catch_up: CatchUp,
        queue_size: int,
    ) -> None:
        self.trouble: str | None = None
        self.n_commits = 0
        self.last_commit_seconds = 0.0
        self._database = database
        self._fleet = fleet
        self._folder = folder
        self._clock = clock
        self._publish = publish
        self._catch_up = catch_up
        self._is_unsure = False
        self._queue_size = queue_size
        self._queue: deque[Item] = deque()
        self._work_is_there = asyncio.Event()
        self._stopping = False
        self._told_stats: Stats = fleet.stats()
        self._compared_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def queue_depth(self) -> int:
        """Changes that wait for the disk."""
        return len(self._queue)

    def record(self, change: Change[T]) -> asyncio.Future[T]:
        """The answer of `change.decide`, once it is on disk and published.

        Raises Unavailable when too much is waiting already.
        """
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.tell(change, waiter)
        return waiter

    def tell(self, change: Change[T], waiter: Waiter[T]) -> None:
        """`record`, for who waits in a way of its own."""
        self._enqueue(Item(change, waiter))

    def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> asyncio.Future[T]:
        """The answer of `work`, run on the writing connection in a transaction of its own."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(Item(work, waiter))
        return waiter

    def _enqueue(self, item: Item) -> None:
        if self._stopping:
            raise Unavailable("the server is stopping", code="stopping")
        if len(self._queue) >= self._queue_size:
            raise Unavailable(
                "too many changes are waiting for the disk", code="overloaded", retry_after_seconds=2
            )
        if not self._queue:
            self._work_is_there.set()
        self._queue.append(item)

    def start(self) -> None:
        """Begin to write."""
        self._told_stats = self._fleet.stats()
        self._task = asyncio.create_task(self._run(), name="writer")

    async def stop(self) -> None:
        """Commit what waits, fold everything, and end."""
        self._stopping = True
        self._work_is_there.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def _run(self) -> None:
        while self._queue or not self._stopping:
            if not self._queue:
                await self._wait_for_work()
            try:
                await self._write_next()
            except Exception:
                log.exception("writer.defect")
        await self._commit([], foldable=self._folder.foldable(0, everything=True))

    async def _wait_for_work(self) -> None:
        self._work_is_there.clear()
        try:
            async with asyncio.timeout(_TICK_SECONDS):
                await self._work_is_there.wait()
        except TimeoutError:
            return

    async def _write_next(self) -> None:
        if self._queue and not hasattr(self._queue[0].task, "decide"):
            await self._work(self._queue.popleft())
            return
        items: list[Item] = []
        while self._queue and len(items) < MOST_PER_COMMIT and hasattr(self._queue[0].task, "decide"):
            items.append(self._queue.popleft())
        await self._commit(items, foldable=self._folder.foldable(time.monotonic()))

    async def _work(self, item: Item) -> None:
        try:
            async with self._database.writing() as connection:
                answer = await item.task(connection)  # type: ignore[operator]
        except Exception as error:
            self._refuse([item], error)
        else:
            self.trouble = None
            _resolve(item, answer)

    async def _commit(self, items: list[Item], foldable: Sequence[str] = ()) -> None:
        started = time.perf_counter()
        try:
            draft, answers = await self._attempt(items, foldable)
        except Exception as error:
            if is_trouble(error):
                self._refuse(items, error)
            elif len(items) + len(foldable) > 1:
                await self._commit_one_by_one(items, foldable)
            else:
                self._refuse(items, error)
                self._folder.postpone(foldable, time.monotonic())
            return
        self.trouble = None
        if draft.seq != self._fleet.seq or draft.rows:
            self.n_commits += 1
            self.last_commit_seconds = time.perf_counter() - started
            self._adopt(draft)
            self._publish(draft.events)
        for item, answer in zip(items, answers, strict=True):
            _resolve(item, answer)

    async def _commit_one_by_one(self, items: list[Item], foldable: Sequence[str]) -> None:
        for item in items:
            await self._commit([item])
        for device_id in foldable:
            await self._commit([], [device_id])

    async def _attempt(self, items: list[Item], foldable: Sequence[str]) -> tuple[Draft, list[Any]]:
        if self._is_unsure:
            # The link broke in a commit: it may have happened, and its answer may have been lost.
            self._publish(await self._catch_up())
            self._is_unsure = False
        stored: dict[str, Sms] = {}
        repeat_keys = [key for item in items for key in item.task.repeat_keys()]  # type: ignore[union-attr]
        if repeat_keys:
            # All that was committed can be read, and only this task commits: what is not there will not come.
            async with self._database.looking() as connection:
                stored = await find_repeats(connection, repeat_keys)
        draft, answers = self._decide(items, Draft(self._fleet, self._clock(), stored))
        has_news = draft.rows or draft.due or foldable or draft.seq != self._fleet.seq
        if has_news or self.trouble is not None:  # in trouble, to see whether it is over
            await self._write(draft, foldable)
        return draft, answers

    def _decide(self, items: list[Item], draft: Draft) -> tuple[Draft, list[Any]]:
        answers: list[Any] = []
        for item in items:
            try:
                answers.append(item.task.decide(draft))  # type: ignore[union-attr]
            except GoipError as refusal:
                answers.append(refusal)
        self._tell_stats(draft)
        return draft, answers

    def _tell_stats(self, draft: Draft) -> None:
        now = time.monotonic()
        if now - self._compared_at < _TICK_SECONDS:
            return
        self._compared_at = now
        stats = draft.stats()
        if stats != self._told_stats:
            draft.tell_stats(stats)

    async def _write(self, draft: Draft, foldable: Sequence[str]) -> None:
        draft.finish(self._folder, foldable)
        await self._database.commit(draft.rows)

    def _adopt(self, draft: Draft) -> None:
        """The commit happened: memory follows."""
        fleet, folder = self._fleet, self._folder
        for device_id, device in draft.devices.items():
            if device is None and (gone := fleet.find(device_id)) is not None:
                fleet.remove(device_id)
                folder.done(gone.pk, device_id)
        fleet.put(device for device in draft.devices.values() if device is not None)
        fleet.seq = draft.seq
        fleet.sms = draft.totals
        fleet.cards.update(draft.cards)
        for device_id, doubts in draft.doubts.items():
            if doubts:
                fleet.doubts[device_id] = doubts
            else:
                fleet.doubts.pop(device_id, None)
        for device_id in draft.due:
            if (written := fleet.find(device_id)) is not None:
                folder.done(written.pk, device_id)
        done = draft.due | {device_id for device_id, device in draft.devices.items() if device is None}
        folder.add((beat for beat in draft.beats if beat.device_id not in done), time.monotonic())
        if draft.stats_told is not None:
            fleet.stats_seq = draft.seq
            self._told_stats = draft.stats_told

    def _refuse(self, items: list[Item], error: Exception) -> None:
        if isinstance(error, GoipError):
            refusal: Exception = error
        elif is_trouble(error):
            self._is_unsure = True
            trouble = describe_trouble(error)
            if trouble != self.trouble:  # once, however often it is met
                log.error("writer.trouble", trouble=trouble, error=str(error))
            self.trouble = trouble
            refusal = Unavailable(trouble, code="storage_unavailable")
        else:
            log.error("writer.refused", error=repr(error))
            refusal = error
        for item in items:
            _resolve(item, refusal)


def _resolve(item: Item, answer: Any) -> None:
    if item.waiter.done():  # whoever asked went away; the change is committed all the same
        return
    try:
        if isinstance(answer, Exception):
            item.waiter.set_exception(answer)
        else:
            item.waiter.set_result(answer)
    except Exception:  # its neighbours are to hear all the same
        log.exception("writer.waiter_defect")
