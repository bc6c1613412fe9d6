"""Long jobs: how far they are, over plain HTTP, and one to try it with."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from aiohttp import web

from goip.api.appkeys import HUB, JOBS, PRINCIPAL
from goip.api.bodies import answer, answer_bytes, load, load_query, read_json
from goip.api.callers import address_of, enter
from goip.api.schemas.jobs import ProgressQuery, TestJobBody
from goip.errors import GoipError
from goip.realtime.following import next_progress, stream_progress
from goip.realtime.progress import Job

_STEP_SECONDS = 0.05
_EVERY_NTH_FAILS = 50
_EVERY_NTH_IS_SKIPPED = 20


async def show_progress(request: web.Request) -> web.StreamResponse:
    """`GET /api/import/progress/{sessionId}`: how far a job is; waits for news when `wait` allows.

    With `Accept: text/event-stream` it is told by Server-Sent Events, to the job's end.
    """
    app, principal = request.app, request[PRINCIPAL]
    query = load_query(ProgressQuery(), request.query)
    job = app[JOBS].find(principal, request.match_info["sessionId"])
    after = query["after"]
    if "text/event-stream" in request.headers.get("Accept", ""):
        after = _version(request.headers.get("Last-Event-ID"), after or 0)
        with enter(request):
            return await stream_progress(
                request, app[HUB], app[JOBS], principal, job, after, address_of(request)
            )
    after, wait = job.version if after is None else after, query["wait"]
    with enter(request, is_new=False) if wait else nullcontext():
        told = await next_progress(app[HUB], app[JOBS], principal, job, after, wait, address_of(request))
    return answer_bytes(told)


def _version(text: str | None, otherwise: int) -> int:
    """The version that a returning client names; one that it cannot have is none."""
    return (
        int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else otherwise
    )


async def start_test_job(request: web.Request) -> web.Response:
    """`POST /api/test/job`: a job that does nothing but take its time, told as any other."""
    body = load(TestJobBody(), await read_json(request))
    seconds, total, fail_at = body["seconds"], body["total"], body["fail_at"]

    async def pretend(job: Job) -> None:
        loop = asyncio.get_running_loop()
        while job.n_processed < total:
            await asyncio.sleep(min(_STEP_SECONDS, seconds))
            passed = loop.time() - job.started
            share = passed / seconds if passed < seconds else 1.0
            _pretend_upto(job, min(round(total * share), fail_at or total))
            if job.n_processed == fail_at:
                raise GoipError(f"row {fail_at}: told to fail here")

    job = request.app[JOBS].start(request[PRINCIPAL], total, pretend)
    return answer({"sessionId": job.session_id, "total": total}, 202)


def _pretend_upto(job: Job, n_rows: int) -> None:
    """Be done with the rows up to this one: some of them are bad, and some were there before."""
    first, last = job.n_processed, n_rows
    n_failed = last // _EVERY_NTH_FAILS - first // _EVERY_NTH_FAILS
    # Every hundredth row would be both: it fails.
    both = 2 * _EVERY_NTH_FAILS
    n_skipped = (last // _EVERY_NTH_IS_SKIPPED - first // _EVERY_NTH_IS_SKIPPED) - (
        last // both - first // both
    )
    bad_row = last // _EVERY_NTH_FAILS * _EVERY_NTH_FAILS
    error = f"row {bad_row}: phoneNumber is not a number" if n_failed else None
    job.advance(last - first - n_failed - n_skipped, n_failed, n_skipped, error)
