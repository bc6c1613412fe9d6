"""Long jobs: told to those who may know, throttled, the newest to whoever comes later, and forgotten in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from goip.auth.principals import Permission, Principal
from goip.errors import Forbidden, InvalidPayload, NotFound, TooManyRequests
from goip.realtime import progress
from goip.realtime.hub import Hub
from goip.realtime.progress import Job, Jobs
from tests.conftest import FakeClock
from tests.realtime.listeners import Listener, Stream

READ = frozenset({Permission.READ})
ANNA = Principal(kind="user", user_id=1, username="anna", permissions=READ)
BEN = Principal(kind="user", user_id=2, username="ben", permissions=READ)
ADMIN = Principal(kind="user", user_id=3, username="carla", permissions=frozenset(Permission))
ANNAS_SCRIPT = Principal(kind="script", user_id=1, key_id=9, permissions=READ)
BOX = Principal(kind="device", device_id="gw-1")


class Ear(Listener):
    """Writes down what it is told outside of the stream."""

    def __init__(self, principal: Principal = ANNA) -> None:
        super().__init__(principal)
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def tell(self, name: str, data: bytes) -> None:
        self.heard.append((name, orjson.loads(data)))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


class Steps:
    """Work that is done by hand: each `do` is one step of the job, `end` its end."""

    def __init__(self) -> None:
        self._todo: asyncio.Queue[Callable[[Job], None] | None] = asyncio.Queue()

    async def __call__(self, job: Job) -> None:
        while (step := await self._todo.get()) is not None:
            step(job)
            self._todo.task_done()

    async def do(self, step: Callable[[Job], None]) -> None:
        self._todo.put_nowait(step)
        await self._todo.join()

    def end(self) -> None:
        self._todo.put_nowait(None)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def hub(stream: Stream) -> Hub:
    return Hub(stream.fleet)


@pytest.fixture
def jobs(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.setattr(progress, "TELL_EVERY_SECONDS", 0.01)
    return Jobs(hub, FakeClock())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.002)


async def nothing(_job: Job) -> None:
    """A job that is complete as soon as it begins."""


async def ended(jobs: Jobs, work: Callable[[Job], Awaitable[None]] = nothing) -> Job:
    job = jobs.start(ANNA, 1, work)
    await until(lambda: job.ended is not None)
    return job


async def test_a_listener_is_told_how_far_the_job_is_and_its_end(jobs: Jobs) -> None:
    work, ear = Steps(), Ear()
    job = jobs.start(ANNA, 10, work)
    jobs.join(ear, job.session_id)
    await work.do(lambda job: job.advance(succeeded=3, failed=1, skipped=1, last_error="row 4: no number"))
    await until(lambda: ear.heard[-1][1]["processed"] == 5)
    work.end()
    await until(lambda: ear.names[-1] == "complete")
    assert set(ear.names[:-1]) == {"progress"}
    last = ear.heard[-1][1]
    assert last["version"] == job.version
    del last["version"], last["ratePerSecond"]
    assert last == {
        "sessionId": job.session_id,
        "status": "complete",
        "processed": 5,
        "total": 10,
        "succeeded": 3,
        "failed": 1,
        "skipped": 1,
        "etaSeconds": 0.0,
        "lastError": "row 4: no number",
        "at": "2026-11-21T05:22:21.123Z",
    }


async def test_many_steps_are_told_as_few_words_each_newer_than_the_last(jobs: Jobs) -> None:
    work, ear = Steps(), Ear()
    job = jobs.start(ANNA, 1000, work)
    jobs.join(ear, job.session_id)

    def thousand_steps(job: Job) -> None:
        for _ in range(1000):
            job.advance(succeeded=1)

    await work.do(thousand_steps)
    await until(lambda: ear.heard[-1][1]["processed"] == 1000)
    assert [data["version"] for _, data in ear.heard] == [1, 2]
    work.end()
    await until(lambda: job.ended is not None)


async def test_who_comes_after_the_end_is_told_the_end_at_once(jobs: Jobs) -> None:
    job = await ended(jobs)
    late = Ear()
    jobs.join(late, job.session_id)
    assert late.names == ["complete"]


async def test_who_has_the_newest_word_is_not_told_it_again(jobs: Jobs) -> None:
    job = await ended(jobs)
    back = Ear()
    jobs.join(back, job.session_id, after=job.version)
    assert back.heard == []
    jobs.join(back, job.session_id, after=job.version - 1)
    assert back.names == ["complete"]


async def test_a_job_that_is_refused_ends_in_an_error_that_says_why(jobs: Jobs) -> None:
    async def refused(_job: Job) -> None:
        raise InvalidPayload("the file is empty")

    async def defect(_job: Job) -> None:
        raise ZeroDivisionError("secret detail")

    ear = Ear()
    jobs.join(ear, (await ended(jobs, refused)).session_id)
    jobs.join(ear, (await ended(jobs, defect)).session_id)
    assert [(name, data["lastError"]) for name, data in ear.heard] == [
        ("error", "the file is empty"),
        ("error", "internal error"),
    ]


async def test_a_stop_of_the_server_is_the_end_of_its_jobs_and_is_told(jobs: Jobs) -> None:
    ear = Ear()
    job = jobs.start(ANNA, 1, Steps())
    jobs.join(ear, job.session_id)
    await asyncio.sleep(0)
    await jobs.close()
    assert ear.heard[-1][0] == "error"
    assert ear.heard[-1][1]["lastError"] == "the server is stopping"


async def test_a_job_that_had_not_begun_when_the_server_stops_is_told_too(jobs: Jobs) -> None:
    ear = Ear()
    jobs.join(ear, jobs.start(ANNA, 1, Steps()).session_id)
    await jobs.close()
    assert ear.names[-1] == "error"


async def test_who_does_not_read_is_told_the_newest_when_it_reads_again(jobs: Jobs) -> None:
    work, stuck, other = Steps(), Ear(), Ear()
    job = jobs.start(ANNA, 10, work)
    for ear in (stuck, other):
        jobs.join(ear, job.session_id)
    stuck.reads = False
    for n in range(1, 4):
        await work.do(lambda job: job.advance(succeeded=1))
        await until(lambda n=n: other.heard[-1][1]["processed"] == n)
    work.end()
    await until(lambda: other.names[-1] == "complete")
    assert len(stuck.heard) == 1
    stuck.reads = True
    await until(lambda: len(stuck.heard) == 2)
    assert stuck.heard[-1] == other.heard[-1]


async def test_a_session_is_its_owners_and_the_administrators_alone(jobs: Jobs) -> None:
    job = await ended(jobs)
    for allowed in (ANNA, ANNAS_SCRIPT, ADMIN):
        assert jobs.find(allowed, job.session_id) is job
    with pytest.raises(Forbidden):
        jobs.find(BOX, job.session_id)
    with pytest.raises(Forbidden):
        jobs.find(Principal(kind="nobody"), job.session_id)


async def test_somebody_elses_session_looks_like_one_that_never_was(jobs: Jobs) -> None:
    job = await ended(jobs)
    refusals = []
    for session_id in (job.session_id, "never-was"):
        with pytest.raises(NotFound) as caught:
            jobs.find(BEN, session_id)
        refusals.append((caught.value.status, caught.value.code, caught.value.message))
    assert refusals[0] == refusals[1]


async def test_scripts_without_a_user_do_not_share_their_sessions(jobs: Jobs) -> None:
    one, other = (Principal(kind="script", key_id=n, permissions=READ) for n in (1, 2))
    job = jobs.start(one, 1, nothing)
    assert jobs.find(one, job.session_id) is job
    with pytest.raises(NotFound):
        jobs.find(other, job.session_id)


async def test_a_session_moves_no_cursor_and_leaves_no_gap_in_the_stream(
    jobs: Jobs, hub: Hub, stream: Stream
) -> None:
    ear = Ear()
    hub.subscribe(ear, {"dashboard"})
    hub.publish([stream.fact("elsewhere")])
    job = jobs.start(ANNA, 1, nothing)
    jobs.join(ear, job.session_id)
    hub.publish([stream.fact("dashboard")])
    hub.flush()
    assert ear.spans == [(0, 2)]
    assert ear.rooms == {"dashboard", job.room}


async def test_ended_jobs_are_forgotten_when_they_are_old_or_many(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "MOST_ENDED_KEPT", 2)
    first, second, third = [await ended(jobs) for _ in range(3)]
    with pytest.raises(NotFound):
        jobs.find(ANNA, first.session_id)
    assert jobs.find(ANNA, second.session_id) is second
    assert third.ended is not None
    third.ended -= progress.KEEP_ENDED_SECONDS + 1
    with pytest.raises(NotFound):
        jobs.find(ANNA, third.session_id)


async def test_only_so_many_jobs_run_at_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "MOST_RUNNING", 1)
    work = Steps()
    job = jobs.start(ANNA, 1, work)
    with pytest.raises(TooManyRequests):
        jobs.start(ANNA, 1, nothing)
    work.end()
    await until(lambda: job.ended is not None)
    await ended(jobs)
