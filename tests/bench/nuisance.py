"""Clients that nobody wants, a process of their own: `python -m tests.bench.nuisance SETTINGS.json`.

`stalled` joins the room, one client over each protocol, and never reads again; `slow` reads a byte a second;
`flood` opens connections without credentials, over both protocols in turn, as many a second as it is told, and
leaves each open until the server ends it. It says `{"ready": true}` when it has begun, answers every line on
standard input with what it did so far, and ends with the input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

from tests.bench.loops import run_on
from tests.bench.talk import Refused, Talk, Talker

_OWN_ADDRESS = "127.0.0.2"
"""Not that of the dashboards: what one address may do is limited."""
_SMALL_BUFFER = 4_096
_CHUNK = 65_536
_SLOW_SECONDS = 1.0

Kind = Literal["stalled", "slow", "flood"]


@dataclass(frozen=True)
class NuisanceSettings:
    """What to be, where. `rate` is the connections a second of a flood."""

    kind: Kind
    talks: list[Talk]
    rate: float = 0.0


class Counts:
    """What was done so far."""

    def __init__(self) -> None:
        self.n_opened = 0
        self.n_ended = 0


async def _open(talk: Talk, counts: Counts) -> tuple[socket.socket, Talker]:
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    connection.bind((_OWN_ADDRESS, 0))
    await loop.sock_connect(connection, ("127.0.0.1", talk.port))
    talker = Talker(talk)
    await loop.sock_sendall(connection, talker.hello())
    counts.n_opened += 1
    return connection, talker


async def _talk_on(connection: socket.socket, talker: Talker, until_in: bool) -> None:
    """Read and answer, until the client is in its room or, without that, until the server ends it."""
    loop = asyncio.get_running_loop()
    while not (until_in and talker.is_in):
        data = await loop.sock_recv(connection, _CHUNK)
        if not data:
            return
        if answer := talker.hear(data):
            await loop.sock_sendall(connection, answer)


async def _join(talk: Talk, counts: Counts) -> socket.socket:
    connection, talker = await _open(talk, counts)
    await _talk_on(connection, talker, until_in=True)
    return connection


async def stall(settings: NuisanceSettings, counts: Counts, ready: asyncio.Event) -> None:
    """Join and never read again."""
    connections = [await _join(talk, counts) for talk in settings.talks]
    ready.set()
    await asyncio.Event().wait()
    del connections


async def read_slowly(settings: NuisanceSettings, counts: Counts, ready: asyncio.Event) -> None:
    """Join and read a byte a second."""
    loop = asyncio.get_running_loop()
    connections = [await _join(talk, counts) for talk in settings.talks]
    ready.set()
    while connections:
        await asyncio.sleep(_SLOW_SECONDS)
        for connection in tuple(connections):
            if not await loop.sock_recv(connection, 1):
                connections.remove(connection)
                counts.n_ended += 1


async def flood(settings: NuisanceSettings, counts: Counts, ready: asyncio.Event) -> None:
    """Open connection after connection, and prove nothing."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    due = loop.time()
    for talk in cycle(settings.talks):
        due += 1 / settings.rate
        await asyncio.sleep(due - loop.time())
        task = asyncio.create_task(_linger(talk, counts))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        ready.set()


async def _linger(talk: Talk, counts: Counts) -> None:
    with contextlib.suppress(OSError, Refused):
        connection, talker = await _open(talk, counts)
        with connection:
            try:
                await _talk_on(connection, talker, until_in=False)
            finally:
                counts.n_ended += 1


_WAYS: dict[Kind, Callable[[NuisanceSettings, Counts, asyncio.Event], Coroutine[Any, Any, None]]] = {
    "stalled": stall,
    "slow": read_slowly,
    "flood": flood,
}


async def run(settings: NuisanceSettings) -> None:
    """Be a nuisance until the end of input."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    counts, ready = Counts(), asyncio.Event()
    being = asyncio.create_task(_WAYS[settings.kind](settings, counts, ready))
    being.add_done_callback(lambda _: ready.set())
    await ready.wait()
    if being.done():
        being.result()
    print(json.dumps({"ready": True}), flush=True)
    while await commands.readline():
        print(json.dumps(vars(counts)), flush=True)


def main() -> None:
    told = json.loads(Path(sys.argv[1]).read_text())
    talks = [Talk(**talk) for talk in told.pop("talks")]
    run_on("uvloop", lambda: run(NuisanceSettings(talks=talks, **told)))


if __name__ == "__main__":
    main()
