"""Boxes that are asked over HTTP: what silence, refusals and a box that comes and goes do to who asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientError, web
from structlog.testing import capture_logs

from goip.api.replaying import claimed
from goip.errors import InvalidPayload, Unauthorized, Unavailable
from goip.gateways.asking import BoxLink, Pauses, looking
from goip.wirelog.frames import frame_json
from goip.wirelog.log import WireLog
from goip.wirelog.masking import MASK
from tests.conftest import FakeClock
from tests.gateways.asked_box import SECRET, Answer, AskedBox, silent
from tests.gateways.dbl_line import until

pytestmark = pytest.mark.timeout(60)

QUICK = Pauses(poll=0.01, answer=2.0, first=0.01, longest=0.05)


class Watch:
    """A client that asks one question, and remembers the answers."""

    def __init__(self, link: BoxLink) -> None:
        self.link = link
        self.answers: list[bytes] = []
        self.trouble: Exception | None = None
        self.is_closed = False

    async def look(self) -> None:
        async with self.link.asking("/status", {"password": self.link.box.secret}) as answer:
            if self.trouble is not None:
                raise self.trouble
            self.answers.append(answer)

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def log(clock: FakeClock) -> WireLog:
    return WireLog(clock, claimed, monotonic=lambda: 0.0)


@pytest.fixture
async def box() -> AsyncIterator[AskedBox]:
    async with AskedBox(says(200, b"fine")) as box:
        yield box


@asynccontextmanager
async def linked(box: AskedBox, log: WireLog, pauses: Pauses = QUICK) -> AsyncIterator[BoxLink]:
    link = BoxLink(box.address(), "ejoin", FakeClock(), log.keeping, pauses)
    try:
        yield link
    finally:
        await link.close()


def says(status: int, body: bytes, **headers: str) -> Answer:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


def said(log: WireLog) -> list[tuple[str, str | None, bytes]]:
    """What was said, oldest first: direction, head, body."""
    return [(frame.direction, frame.head, frame.body) for frame in reversed(log.frames_of("office"))]


QUESTION = ("out", f"GET /status?password={MASK}", b"")


async def test_a_question_and_its_answer_are_kept_without_the_secret(box: AskedBox, log: WireLog) -> None:
    box.answer = says(200, f"you are {SECRET}".encode())
    async with linked(box, log) as link, link.asking("/status", {"password": SECRET}) as answer:
        assert answer.decode() == f"you are {SECRET}"
    assert said(log) == [QUESTION, ("in", "200 OK", f"you are {MASK}".encode())]
    newest = log.frames_of("office")[0]
    assert (newest.transport, newest.make, newest.address) == ("http", "ejoin", "127.0.0.1")
    assert newest.verdict == "accepted"
    assert "s3cr" not in str([frame_json(frame) for frame in log.frames()])


async def test_a_body_is_posted_as_json(box: AskedBox, log: WireLog) -> None:
    heard: list[tuple[str, str, bytes]] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        heard.append((request.method, request.content_type, await request.read()))
        return web.Response()

    box.answer = answer
    async with linked(box, log) as link, link.asking("/send", body=b'{"n":1}'):
        assert heard == [("POST", "application/json", b'{"n":1}')]
    assert said(log)[0] == ("out", "POST /send", b'{"n":1}')


async def test_the_same_question_with_the_same_answer_is_kept_once(box: AskedBox, log: WireLog) -> None:
    async with linked(box, log) as link:
        watch = Watch(link)
        for _ in range(3):
            await watch.look()
        assert len(said(log)) == 2
        box.answer = says(200, b"other")
        await watch.look()
        await watch.look()
    assert said(log) == [QUESTION, ("in", "200 OK", b"fine"), ("in", "200 OK", b"other")]
    assert watch.answers == [b"fine"] * 3 + [b"other"] * 2


async def test_what_could_not_be_taken_is_kept_again(box: AskedBox, log: WireLog) -> None:
    async with linked(box, log) as link:
        watch = Watch(link)
        watch.trouble = Unavailable("the disk is full")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await watch.look()
    answers = [frame for frame in log.frames_of("office") if frame.direction == "in"]
    assert [(frame.verdict, frame.reason) for frame in answers] == [("refused", "the disk is full")] * 2


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(401, Unauthorized), (403, Unauthorized), (404, InvalidPayload), (503, Unavailable)],
)
async def test_a_refusal_says_why(status: int, refusal: type[Exception], box: AskedBox, log: WireLog) -> None:
    box.answer = says(status, b"no")
    async with linked(box, log) as link:
        with pytest.raises(refusal):
            async with link.asking("/status"):
                pytest.fail("there is nothing to do with it")
    assert log.frames_of("office")[0].verdict == "refused"
    assert log.frames_of("office")[0].body == b"no"


async def test_a_question_that_waits_for_its_turn_loses_no_time_for_its_answer(log: WireLog) -> None:
    async def slowly(_: web.BaseRequest) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response()

    async with AskedBox(slowly) as box, linked(box, log, QUICK._replace(answer=1.0)) as link:
        await asyncio.gather(*(Watch(link).look() for _ in range(7)))
    assert len(box.questions) == 7


async def test_no_redirection_is_followed(box: AskedBox, log: WireLog) -> None:
    box.answer = says(302, b"", Location="/elsewhere")
    async with linked(box, log) as link:
        with pytest.raises(InvalidPayload, match="302"):
            async with link.asking("/status"):
                pytest.fail("there is nothing to do with it")
    assert box.questions == ["/status"]


async def test_silence_ends(box: AskedBox, log: WireLog) -> None:
    box.answer = silent
    async with linked(box, log, QUICK._replace(answer=0.05)) as link:
        with pytest.raises(TimeoutError):
            async with link.asking("/status"):
                pytest.fail("there is no answer")
    assert said(log) == [("out", "GET /status", b"")]


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(box: AskedBox, log: WireLog) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    box.answer = answer
    async with linked(box, log) as link:
        with pytest.raises(InvalidPayload, match="too large"):
            async with link.asking("/status"):
                pytest.fail("there is nothing to do with it")


async def test_a_host_that_cannot_be_a_name_is_trouble_and_no_defect(box: AskedBox, log: WireLog) -> None:
    address = box.address()
    link = BoxLink(
        type(address)("office", "a" * 300, 80, "u", SECRET), "ejoin", FakeClock(), log.keeping, QUICK
    )
    with pytest.raises((OSError, ClientError, UnicodeError)):
        async with link.asking("/status"):
            pytest.fail("there is no answer")
    await link.close()


async def test_a_box_that_comes_and_goes_is_asked_for_ever(box: AskedBox, log: WireLog) -> None:
    with capture_logs() as logs:
        async with linked(box, log) as link:
            watch = Watch(link)
            async with looking([watch]):
                await until(lambda: len(watch.answers) >= 2)
                await box.pull_out()
                await until(lambda: "box.not_reached" in [line["event"] for line in logs])
                n_before = len(watch.answers)
                await box.plug_in()
                await until(lambda: len(watch.answers) > n_before)
    assert watch.is_closed
    assert [line["event"] for line in logs if line["event"] == "box.reached"] == ["box.reached"] * 2


@pytest.mark.parametrize(
    ("trouble", "event"),
    [
        (Unauthorized("who are you?"), "box.refused"),
        (Unavailable("the disk is full"), "box.not_reached"),
        (RuntimeError("a defect"), "box.defect"),
    ],
)
async def test_trouble_is_logged_and_the_box_asked_again(
    trouble: Exception, event: str, box: AskedBox, log: WireLog
) -> None:
    with capture_logs() as logs:
        async with linked(box, log) as link:
            watch = Watch(link)
            watch.trouble = trouble
            async with looking([watch]):
                await until(lambda: len(box.questions) >= 3)
                watch.trouble = None
                await until(lambda: bool(watch.answers))
    assert event in [line["event"] for line in logs]
    assert SECRET not in str(logs)


async def test_a_box_without_a_word_keeps_no_other_waiting(log: WireLog) -> None:
    patient = QUICK._replace(answer=30)
    async with (
        AskedBox(silent) as dumb,
        AskedBox(says(200, b"fine")) as box,
        linked(dumb, log, patient) as dead,
        linked(box, log) as link,
    ):
        watch = Watch(link)
        async with looking([Watch(dead), watch]):
            await until(lambda: len(watch.answers) >= 3)
        assert len(dumb.questions) == 1


async def test_it_ends_in_the_middle_of_a_question(box: AskedBox, log: WireLog) -> None:
    box.answer = silent
    async with linked(box, log, QUICK._replace(answer=30)) as link:
        watch = Watch(link)
        async with asyncio.timeout(5), looking([watch]):
            await until(lambda: bool(box.questions))
    assert watch.is_closed
