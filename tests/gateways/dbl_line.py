"""A GoIP line on a real UDP socket, as a listener in the same process meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from goip.auth.keys import Keyring
from goip.config import Config
from goip.gateways.dbl.listener import DblListener
from goip.gateways.dbl.sending import PACE, Pace
from goip.store.history import list_device_facts
from goip.store.store import Store

KEY = "enrolment-key-of-the-tests"
PATIENCE_SECONDS = 10.0
QUICK = Pace(step_seconds=0.1, n_repeats=3, session_seconds=1.5, ussd_repeat_seconds=0.3, ussd_seconds=0.6)
"""As the box's own pace, fifty times as fast."""

Answer = Callable[[str], list[str]]
"""What a line says to each datagram of ours."""


@asynccontextmanager
async def listening(store: Store, pace: Pace = PACE, **settings: Any) -> AsyncIterator[DblListener]:
    """A listener on a free port of 127.0.0.1; `port_of` tells which."""
    keyring = Keyring(store, store.clock)
    await keyring.open()
    await keyring.ensure_enrollment_key(Config(enrollment_key=KEY))
    listener = DblListener(store, keyring, lambda _host: True, needs_approval=False, pace=pace, **settings)
    await listener.resume()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: listener, local_addr=("127.0.0.1", 0))
    try:
        yield listener
    finally:
        await listener.close()
        await keyring.close()


def port_of(listener: DblListener) -> int:
    """The UDP port that it listens on."""
    assert listener._transport is not None
    port: int = listener._transport.get_extra_info("sockname")[1]
    return port


class FakeLine(asyncio.DatagramProtocol):
    """One line: notes what it hears, and answers the server's questions by `answer`."""

    def __init__(self, listener: DblListener, line_id: str, answer: Answer) -> None:
        self.line_id = line_id
        self.answer = answer
        self.heard: list[str] = []
        self.n_beats = 0
        self._server = ("127.0.0.1", port_of(listener))
        self._replies: asyncio.Queue[str] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    async def plug_in(self) -> None:
        """Open a socket; a second time, another one: as behind a NAT that forgot."""
        if self._transport is not None:
            self._transport.close()
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        words = data.decode()
        if words.startswith("reg:") or words.rstrip().endswith(" OK") or " ERROR " in words:
            self._replies.put_nowait(words)
            return
        self.heard.append(words)
        for reply in self.answer(words):
            self.say(reply)

    def say(self, words: str) -> None:
        assert self._transport is not None
        self._transport.sendto(words.encode(), self._server)

    async def ask(self, words: str) -> str:
        """Say it and wait for the answer."""
        self.say(words)
        return await asyncio.wait_for(self._replies.get(), PATIENCE_SECONDS)

    async def beat(self, more: str = "", count: int | None = None) -> str:
        self.n_beats = self.n_beats + 1 if count is None else count
        return await self.ask(f"req:{self.n_beats};id:{self.line_id};pass:{KEY};gsm_status:LOGIN;{more}")

    async def tell(self, verb: str, number: int, more: str = "") -> str:
        return await self.ask(f"{verb}:{number};id:{self.line_id};password:{KEY};{more}")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def plugged_in(listener: DblListener, line_id: str, answer: Answer) -> AsyncIterator[FakeLine]:
    """A line that has sent its first keepalive."""
    line = FakeLine(listener, line_id, answer)
    await line.plug_in()
    assert await line.beat() == "reg:1;status:200;"
    try:
        yield line
    finally:
        line.close()


def says_nothing(_words: str) -> list[str]:
    """A line that is deaf to questions."""
    return []


def obeys(words: str) -> list[str]:
    """What a line says that sends whatever it is told to, and to whom the network answers."""
    verb, send_id, *_ = [*words.split(), ""]
    match verb:
        case "MSG":
            return [f"PASSWORD {send_id}\n"]
        case "PASSWORD":
            return [f"SEND {send_id}\n"]
        case "SEND":
            return [f"WAIT {send_id} 1\n", f"OK {send_id} 1 7\n"]
        case "USSD":
            return [f"USSD {send_id} Balance: 1.50"]
        case "USSDEXIT":
            return [f"USSDEXIT {send_id}"]
        case "DONE":
            return [f"DONE {send_id}\n"]
    return []


async def facts(store: Store, name: str, line_id: str = "a") -> list[dict[str, Any]]:
    """What was told of a line under that name, oldest first."""
    async with store.reading() as connection:
        page = await list_device_facts(connection, line_id, limit=200)
    return [cast(dict[str, Any], event.data) for event in reversed(page.rows) if event.name == name]


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until it is so."""

    async def look() -> None:
        while not is_so():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(look(), PATIENCE_SECONDS)
