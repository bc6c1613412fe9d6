"""The TCP port that older boxes connect to.

A frame is answered when what it says is on disk; what we cannot store is not answered. Frames of one connection are
taken one by one, so a box that sends faster than the disk writes waits; connections, frames and the time in which a
box has to say something are bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import NamedTuple, cast

import structlog

from goip.errors import GoipError, InvalidPayload, TooManyRequests
from goip.gateways.dinstar.binary import Frame, Framing
from goip.gateways.dinstar.door import Door
from goip.gateways.dinstar.session import Session
from goip.wirelog.exchange import Keeping

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 1_000
_CHUNK = 16_384
_CLOSING_SECONDS = 5

Allow = Callable[[str], bool]
"""True when this address may send one more frame."""


class Pace(NamedTuple):
    """How long a box may take to log in, or to say something; and how often it hears from us."""

    login_seconds: float = 30
    silence_seconds: float = 300
    keepalive_seconds: float = 45


PACE = Pace()


class DinstarListener:
    """Takes the connections of boxes; `allow` bounds what one address may send, 0 connections are no limit.

    `keeping` keeps what is said in either direction for the wire log.
    """

    def __init__(
        self,
        door: Door,
        allow: Allow,
        *,
        connections_per_address: int = 0,
        pace: Pace = PACE,
        keeping: Keeping = nullcontext,
    ) -> None:
        self._door = door
        self._allow = allow
        self._connections_per_address = connections_per_address
        self._pace = pace
        self._keeping = keeping
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], Conversation] = {}
        self._by_address: Counter[str] = Counter()

    async def open(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_CHUNK)
        return cast(int, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening; what is being stored is still answered."""
        if self._server is not None:
            self._server.close()
        for conversation in self._open.values():
            conversation.end()
        if self._open:
            _, stuck = await asyncio.wait(self._open, timeout=_CLOSING_SECONDS)
            for task in stuck:
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str((writer.get_extra_info("peername") or ("",))[0])
        if not self._has_room(address):
            log.info("dinstar.full", address=address)
            writer.transport.abort()
            return
        session = Session(self._door, address, self._keeping)
        task = cast(asyncio.Task[None], asyncio.current_task())
        self._open[task] = conversation = Conversation(session, reader, writer, self._allow, self._pace)
        self._by_address[address] += 1
        try:
            await conversation.run()
        except GoipError as refusal:
            log.info("dinstar.refused", address=address, reason=refusal.message)
        except OSError:  # it hung up, or was silent for too long
            pass
        except Exception:
            log.exception("dinstar.defect", address=address)
        finally:
            del self._open[task]
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def _has_room(self, address: str) -> bool:
        limit = self._connections_per_address
        return len(self._open) < MOST_CONNECTIONS and not 0 < limit <= self._by_address[address]


class Conversation:
    """One connection, from its first byte to its last."""

    def __init__(
        self,
        session: Session,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        allow: Allow,
        pace: Pace,
    ) -> None:
        self._session = session
        self._reader = reader
        self._writer = writer
        self._allow = allow
        self._pace = pace
        self._framing = Framing()
        self._reading: asyncio.Timeout | None = None
        self._is_ending = False

    async def run(self) -> None:
        """Take what the box sends until either side ends it. Raises GoipError, OSError (TimeoutError is one)."""
        keeping_alive = asyncio.create_task(self._keep_alive())
        try:
            await self._converse()
        finally:
            keeping_alive.cancel()
            transport = self._writer.transport
            if transport.get_write_buffer_size():
                transport.abort()  # it reads nothing: no use in waiting until it does
            else:
                self._writer.close()

    def end(self) -> None:
        """Take no more frames than are in hand."""
        self._is_ending = True
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(0)

    async def _converse(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._pace.login_seconds
        while not self._is_ending:
            data = await self._read(deadline)
            if not data:
                return
            for frame in self._frames_in(data):
                if not self._allow(self._session.address):
                    raise TooManyRequests("too many frames from this address")
                answer = await self._session.take(frame)
                if self._writer.is_closing():
                    return  # it hung up meanwhile; what it said is taken, and it will say it again
                if answer is not None:
                    self._writer.write(answer)
                if self._session.is_over:
                    return
                if self._session.is_in:
                    deadline = loop.time() + self._pace.silence_seconds
            async with asyncio.timeout_at(deadline):
                await self._writer.drain()

    def _frames_in(self, data: bytes) -> Iterator[Frame]:
        try:
            yield from self._framing.feed(data)
        except InvalidPayload as refusal:
            self._session.hear_nonsense(self._framing.rest, refusal)
            raise

    async def _read(self, deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(deadline) as self._reading:
                return await self._reader.read(_CHUNK)
        finally:
            self._reading = None

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._pace.keepalive_seconds)
            if self._writer.is_closing():
                return
            keepalive = self._session.keepalive()
            if keepalive is not None:
                self._writer.write(keepalive)
