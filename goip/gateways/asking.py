"""Boxes that answer questions over an HTTP API of their own: asked again and again, for as long as the server runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from hashlib import sha256
from typing import NamedTuple, Protocol

import structlog
from aiohttp import (
    ClientError,
    ClientMiddlewareType,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    StreamReader,
    TCPConnector,
)
from yarl import URL

from goip.addresses import BoxAddress
from goip.clock import Clock
from goip.errors import GoipError, InvalidPayload, Unauthorized, Unavailable
from goip.wirelog.exchange import Exchange, Keeping, about, showed

log = structlog.get_logger(__name__)

_TROUBLE = (ClientError, OSError, UnicodeError, InvalidPayload, Unavailable)
"""Of a box, or of our database: silence is a TimeoutError, which is an OSError, and a host that cannot be a name is a
UnicodeError."""
_MOST_BYTES = 4_194_304
_JSON = "application/json;charset=utf-8"


class Pauses(NamedTuple):
    """Seconds: between looks at a box, for an answer, and between looks at one that is in trouble."""

    poll: float = 60.0
    answer: float = 15.0
    first: float = 5.0
    longest: float = 300.0


USUAL = Pauses()


class _Known(NamedTuple):
    """What was asked last at a path, and the digest of what the box answered."""

    question: str
    body: bytes | None
    answer: bytes


class BoxLink:
    """The HTTP API of one box. `middlewares` are aiohttp's, for what it wants to be shown with every request.

    What is said in either direction is kept for the wire log, as of the device that the box is named after; a question
    that is asked again and answered as before is not, or it would soon have driven out everything else.
    """

    def __init__(
        self,
        box: BoxAddress,
        make: str,
        clock: Clock,
        keeping: Keeping = nullcontext,
        pauses: Pauses = USUAL,
        middlewares: Sequence[ClientMiddlewareType] = (),
    ) -> None:
        self.box = box
        self.pauses = pauses
        self._make = make
        self._clock = clock
        self._keeping = keeping
        self._known: dict[str, _Known] = {}
        # A box signs its certificate itself: there is nobody who could vouch for it.
        self._session = ClientSession(
            connector=TCPConnector(ssl=False, limit=1, force_close=True),
            timeout=ClientTimeout(total=pauses.answer),
            middlewares=middlewares,
        )
        self._turn = asyncio.Lock()
        self._base = URL.build(scheme="https" if box.is_tls else "http", host=box.host, port=box.port)

    @asynccontextmanager
    async def asking(
        self, path: str, query: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> AsyncIterator[bytes]:
        """GETs, or POSTs a body of JSON; within this is done what comes of the answer.

        Raises Unauthorized where the box lets nobody in who shows this, Unavailable for its own trouble (5xx),
        InvalidPayload with the code box_refused for any other answer that is no success, InvalidPayload for one that
        is too large, and what aiohttp raises of lines.
        """
        url = self._base.join(URL(path)).update_query(query or {})
        question = f"{'GET' if body is None else 'POST'} {url.raw_path_qs}"
        known = self._known.pop(path, None)
        is_new = known is None or (known.question, known.body) != (question, body)
        if is_new:
            with self._exchange(None) as exchange:
                exchange.answer(body or b"", question)
        response, answer = await self._ask(url, body)
        digest = sha256(answer).digest()
        if known is not None and not is_new and known.answer == digest and response.ok:
            yield answer
        else:
            with self._exchange(answer) as exchange:
                exchange.head = f"{response.status} {response.reason or ''}".rstrip()
                _must_be_success(response.status, exchange.head)
                yield answer
        self._known[path] = _Known(question, body, digest)

    async def _ask(self, url: URL, body: bytes | None) -> tuple[ClientResponse, bytes]:
        """One question at a time, and waiting for its turn takes none of the time for its answer.

        No redirection is followed: it could lead the password anywhere.
        """
        method, headers = ("GET", {}) if body is None else ("POST", {"Content-Type": _JSON})
        asked = self._session.request(method, url, data=body, headers=headers, allow_redirects=False)
        async with self._turn, asked as response:
            return response, await _whole(response.content)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    @contextmanager
    def _exchange(self, said: bytes | None) -> Iterator[Exchange]:
        """Whom it is about is certain: the settings name the box."""
        exchange = Exchange(self._clock(), "http", self._make, self.box.host, said)
        with self._keeping(exchange):
            about(self.box.name, by_key=True)
            showed(self.box.secret)
            exchange.is_taken = True
            try:
                yield exchange
            except GoipError as refusal:
                exchange.reason = refusal.message
                raise


def _must_be_success(status: int, head: str) -> None:
    """Raises Unauthorized, Unavailable for trouble of the box's own, or InvalidPayload."""
    if status in (401, 403):
        raise Unauthorized("the box does not know this user, or another password")
    if status >= 500:
        raise Unavailable(f"the box answers {head}", code="box_in_trouble")
    if not 200 <= status < 300:
        raise InvalidPayload(f"the box answers {head}", code="box_refused")


async def _whole(content: StreamReader) -> bytes:
    """Raises InvalidPayload for more than any box has to say."""
    said = bytearray()
    async for chunk in content.iter_any():
        said += chunk
        if len(said) > _MOST_BYTES:
            raise InvalidPayload("the box's answer is too large")
    return bytes(said)


class Client(Protocol):
    """What asks one box."""

    link: BoxLink

    async def look(self) -> None:
        """Ask how the box is and what it holds, and record that. Raises what `BoxLink.asking` and `ingest` raise."""

    async def close(self) -> None:
        """Store what is not stored yet."""


@asynccontextmanager
async def looking(clients: Sequence[Client]) -> AsyncIterator[None]:
    """Look at every box again and again."""
    tasks = [asyncio.create_task(_look_for_ever(one), name=f"look-{one.link.box.name}") for one in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.close()
            await client.link.close()


async def _look_for_ever(client: Client) -> None:
    link = client.link
    pauses, pause, is_reached = link.pauses, link.pauses.first, False
    while True:
        try:
            await client.look()
        except Unauthorized as refusal:
            log.warning("box.refused", box=link.box.name, reason=refusal.message)
        except _TROUBLE as trouble:
            log.info("box.not_reached", box=link.box.name, reason=str(trouble) or "no answer")
        except Exception:
            log.exception("box.defect", box=link.box.name)
        else:
            if not is_reached:
                log.info("box.reached", box=link.box.name)
            pause, is_reached = pauses.first, True
            await asyncio.sleep(pauses.poll)
            continue
        is_reached = False
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - only so that boxes are asked apart
        pause = min(pause * 2, pauses.longest)
