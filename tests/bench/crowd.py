"""The crowd of one room, a process of its own: `python -m tests.bench.crowd SETTINGS.json`.

Clients join as stock clients do and say `{"ready": n}`. Then each counts and checks every byte that the room
sends it, at the cost of a checksum: one client, the reader, takes its stream apart frame by frame and knows
the `seq` of every event in order; every other client must have been sent exactly the same bytes. So a lost,
repeated or swapped event at any one of a thousand clients shows, and the clients stay far from being what is
measured. A line of JSON on standard input (`Expected`) asks whether all that was published is there; the
answer is an `Outcome`, and the counting begins anew. The end of input ends the process.

A crowd lives for less than the 25 s after which either side's pings begin. One that `is_idle` may stay: it only
answers pings.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from tests.bench.dashboards import find_payload
from tests.bench.loops import run_on
from tests.bench.talk import Protocol, Talk, Talker

_AT_ONCE = 50
_PATIENCE_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.005
_SEQ: dict[Protocol, re.Pattern[bytes]] = {
    "socketio": re.compile(rb'"seq":(\d+)\}\]$'),
    "websocket": re.compile(rb'\{"seq":(\d+),"event"'),
}
_monotonic = time.monotonic


@dataclass(frozen=True)
class CrowdSettings:
    """Who joins, and how many of them."""

    talk: Talk
    n_clients: int
    is_idle: bool = False


@dataclass(frozen=True)
class Expected:
    """What was published: every `seq` from `first_seq` to `last_seq`."""

    first_seq: int
    last_seq: int


@dataclass(frozen=True)
class Outcome:
    """What came of it: clients that were sent all of it in order, and when the last of them had it."""

    n_clients: int
    n_complete: int
    is_in_order: bool
    last_at: float
    mb_received: float
    cpu_share: float


class Joining(asyncio.Protocol):
    """A client until it is in its room, and after that if it is idle."""

    def __init__(self, talk: Talk, joined: asyncio.Future[Any]) -> None:
        self._talker = Talker(talk)
        self._joined = joined
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.write(self._talker.hello())

    def data_received(self, data: bytes) -> None:
        try:
            self._transport.write(self._talker.hear(data))
        except Exception as error:
            self._transport.abort()
            if not self._joined.done():
                self._joined.set_exception(error)
            return
        if self._talker.is_in and not self._joined.done():
            self._joined.set_result(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._joined.done():
            self._joined.set_exception(exc or ConnectionResetError("closed while joining"))


class Member(asyncio.BufferedProtocol):
    """A client in its room: how many bytes it was sent, their checksum, and when the last came."""

    _shared = memoryview(bytearray(1 << 18))

    def __init__(self) -> None:
        self.n_bytes = 0
        self.checksum = 0
        self.last_at = 0.0

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._shared

    def buffer_updated(self, nbytes: int) -> None:
        self.n_bytes += nbytes
        self.checksum = crc32(self._shared[:nbytes], self.checksum)
        self.last_at = _monotonic()

    def forget(self) -> None:
        """Begin to count anew."""
        self.n_bytes = self.checksum = 0


class Reader(Member):
    """The one that reads: `seqs` of every event, in the order in which they came."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__()
        self.seqs = array("Q")
        self._seq = _SEQ[protocol]
        self._rest = b""

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        buffer, at = self._rest + bytes(self._shared[:nbytes]), 0
        while (bounds := find_payload(buffer, at)) is not None:
            self.seqs.extend(map(int, self._seq.findall(buffer[bounds[0] : bounds[1]])))
            at = bounds[1]
        self._rest = buffer[at:]

    def forget(self) -> None:
        super().forget()
        del self.seqs[:]


async def gather_crowd(settings: CrowdSettings) -> list[Any]:
    """Let all clients join; their transports."""
    loop = asyncio.get_running_loop()
    numbers, transports = iter(range(settings.n_clients)), []

    async def work() -> None:
        for _ in numbers:
            joined: asyncio.Future[Any] = loop.create_future()
            await loop.create_connection(
                lambda f=joined: Joining(settings.talk, f),  # type: ignore[misc]
                "127.0.0.1",
                settings.talk.port,
            )
            transports.append(await asyncio.wait_for(joined, _PATIENCE_SECONDS))

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return transports


async def check(reader: Reader, members: list[Member], expected: Expected) -> tuple[int, bool]:
    """How many clients got all that was expected, and whether the reader got it in order; waits for the last bytes."""
    n_events = expected.last_seq - expected.first_seq + 1
    deadline = _monotonic() + _PATIENCE_SECONDS
    while _monotonic() < deadline and (
        len(reader.seqs) < n_events or any(member.n_bytes < reader.n_bytes for member in members)
    ):
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    is_in_order = reader.seqs == array("Q", range(expected.first_seq, expected.last_seq + 1))
    same = sum((m.n_bytes, m.checksum) == (reader.n_bytes, reader.checksum) for m in members)
    return same, is_in_order


async def run(settings: CrowdSettings) -> None:
    """Join, say so, and answer for what was received until there are no more questions."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    transports = await gather_crowd(settings)
    reader = Reader(settings.talk.protocol)
    members: list[Member] = [reader, *(Member() for _ in transports[1:])]
    if not settings.is_idle:
        for transport, member in zip(transports, members, strict=True):
            transport.set_protocol(member)
    print(json.dumps({"ready": len(transports)}), flush=True)
    began, cpu_before = _monotonic(), time.process_time()
    while line := await commands.readline():
        n_complete, is_in_order = await check(reader, members, Expected(**json.loads(line)))
        outcome = Outcome(
            n_clients=len(members),
            n_complete=n_complete if is_in_order else 0,
            is_in_order=is_in_order,
            last_at=max(member.last_at for member in members),
            mb_received=round(sum(member.n_bytes for member in members) / 1e6, 1),
            cpu_share=(time.process_time() - cpu_before) / max(_monotonic() - began, 1e-9),
        )
        for member in members:
            member.forget()
        print(json.dumps(asdict(outcome)), flush=True)
        began, cpu_before = _monotonic(), time.process_time()


def main() -> None:
    told = json.loads(Path(sys.argv[1]).read_text())
    settings = CrowdSettings(Talk(**told.pop("talk")), **told)
    run_on("uvloop", lambda: run(settings))


if __name__ == "__main__":
    main()
