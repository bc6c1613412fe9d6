"""Runs the sessions of `sending` over the socket: their datagrams, their replies and their timers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from goip.errors import Unavailable
from goip.gateways.dbl.lines import Address, Line, host_of
from goip.gateways.dbl.packets import Reply
from goip.gateways.dbl.sending import Session
from goip.gateways.outcome import Outcome
from goip.wirelog.exchange import about, taken

Send = Callable[[bytes, Line], None]

_MOST_SEND_ID = 2**31 - 1
"""What fits the box's integer. Ids are random: who does not hear the line cannot answer in its place."""


class Sessions:
    """The sessions that are under way, at most as many a line as it has places; more wait for their turn."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._running: dict[int, _Running] = {}
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, line: Line, make: Callable[[int, str], Session]) -> Outcome:
        """The outcome of a new session, made of an id and the line's password when its turn comes.

        It goes on to its end when the caller does not wait for it. Raises Unavailable when the server stops first.
        """
        await line.places.acquire()
        if self._is_closed:
            line.places.release()
            raise Unavailable("the server is stopping")
        running = _Running(self, line, make(self._free_id(), line.password))
        running.begin()
        return await asyncio.shield(running.outcome)

    def hear(self, reply: Reply, address: Address) -> None:
        """A line replied. To another port of its host it is followed; to another host only with its password."""
        running = self._running.get(reply.send_id)
        if running is None:
            return
        about(running.line.line_id)
        taken()
        if host_of(address) == host_of(running.line.address):
            running.line.address = address
        running.hear(reply)

    def interrupt(self, line_id: str, reason: str) -> None:
        """The line knows its sessions no more."""
        for running in list(self._running.values()):
            if running.line.line_id == line_id:
                running.interrupt(reason)

    async def close(self, patience_seconds: float) -> None:
        """Begin no more; what is under way has so long to come to its outcome."""
        self._is_closed = True
        waiting = [running.outcome for running in self._running.values() if not running.outcome.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=patience_seconds)
        for running in list(self._running.values()):
            running.interrupt("the server stopped")

    def send(self, datagram: bytes, line: Line) -> None:
        """Say it to the line, wherever that is by now."""
        self._send(datagram, line)

    def enter(self, send_id: int, running: _Running) -> None:
        """A session begins."""
        self._running[send_id] = running

    def leave(self, send_id: int) -> None:
        """A session is over."""
        self._running.pop(send_id).line.places.release()

    def _free_id(self) -> int:
        while True:
            send_id = 1 + secrets.randbelow(_MOST_SEND_ID)
            if send_id not in self._running:
                return send_id


class _Running:
    """One session with its timer."""

    def __init__(self, sessions: Sessions, line: Line, session: Session) -> None:
        self.line = line
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._sessions = sessions
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._sessions.enter(self._session.send_id, self)
        self._go_on(self._session.begin(self._loop.time()))

    def hear(self, reply: Reply) -> None:
        self._go_on(self._session.hear(reply, self._loop.time()))

    def interrupt(self, reason: str) -> None:
        self._session.interrupt(reason)
        self._go_on(None)

    def _wake(self) -> None:
        self._go_on(self._session.tick(self._loop.time()))

    def _go_on(self, datagram: bytes | None) -> None:
        session = self._session
        if datagram is not None:
            self._sessions.send(datagram, self.line)
        if session.outcome is not None and not self.outcome.done():
            self.outcome.set_result(session.outcome)
        if self._timer is not None:
            self._timer.cancel()
        if session.is_over:
            self._sessions.leave(session.send_id)
        else:
            self._timer = self._loop.call_at(session.due_at, self._wake)
