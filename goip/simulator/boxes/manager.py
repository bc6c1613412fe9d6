"""The manager of a TG box: a TCP port where whoever knows the password asks, and is told of events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

HOST = "127.0.0.1"
BANNER = b"Asterisk Call Manager/1.1\r\n"
ACCEPTED = b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
REFUSED = b"Response: Error\r\nMessage: Authentication failed\r\n\r\n"


class Manager:
    """Answers each command of its guests by `answer`; `port` is 0 until it has found a free one."""

    def __init__(self, username: str, secret: str, answer: Callable[[str], bytes], port: int = 0) -> None:
        self.secret = secret
        self.port = port
        self.guests: set[asyncio.StreamWriter] = set()
        self._username = username
        self._answer = answer
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def plug_in(self) -> None:
        """Listen, on the port of the last time. Raises ValueError where somebody else does."""
        try:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)
        except OSError as error:
            raise ValueError(f"cannot listen on port {self.port}: {error.strerror or error}") from error
        self.port = self._server.sockets[0].getsockname()[1]

    def unplug(self) -> None:
        """Take nobody any more, and cut every connection."""
        if self._server is not None:
            self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self.guests.clear()

    async def tell(self, event: bytes) -> None:
        """Tell an event to all who are logged in."""
        for writer in tuple(self.guests):
            with suppress(OSError):
                await self.write(writer, event)

    async def write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Say it to one of them. Raises OSError."""
        writer.write(data)
        await writer.drain()

    async def hear(self, writer: asyncio.StreamWriter, request: Sequence[str]) -> None:
        """Answer the lines of one request. Raises OSError."""
        if request[0] == "Action: Login":
            known = [f"Username: {self._username}", f"Secret: {self.secret}"]
            await self.welcome(writer, is_known=list(request[1:]) == known)
        elif writer in self.guests and request[0] == "Action: smscommand":
            await self.write(writer, self._answer(request[1].removeprefix("command: ")))

    async def welcome(self, writer: asyncio.StreamWriter, *, is_known: bool) -> None:
        """Let somebody in, or send them away. Raises OSError."""
        await self.write(writer, ACCEPTED if is_known else REFUSED)
        if is_known:
            self.guests.add(writer)
        else:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await self.write(writer, BANNER)
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                await self.hear(writer, [line for line in request if line])
        self._writers.discard(writer)
        self.guests.discard(writer)
        writer.close()


def printed(*lines: str) -> bytes:
    """What a command printed, as an answer."""
    told = "".join(f"{line}\n" for line in lines)
    return f"Response: Follows\r\nPrivilege: SMSCommand\r\n{told}--END COMMAND--\r\n\r\n".encode()


def received(
    content: str = "Ok",
    *,
    sender: str = "+15550101",
    span: int = 2,
    at: str = "2026-11-21 05:22:20",
    id: str = "",
    index: int = 1,
    total: int = 1,
) -> bytes:
    """The event of a received SMS, or of one part of it; `content` is percent-encoded."""
    return (
        f"Event: ReceivedSMS\r\nPrivilege: all,smscommand\r\nID: {id}\r\nGsmSpan: {span}\r\nSender: {sender}\r\n"
        f"Recvtime: {at}\r\nIndex: {index}\r\nTotal: {total}\r\nSmsc: +15550100\r\nContent: {content}\r\n"
        "--END SMS EVENT--\r\n\r\n"
    ).encode()


def sent(id: str = "(null)", status: int = 1) -> bytes:
    """The event of an SMS that the network took, or did not."""
    return (
        f"Event: UpdateSMSSend\r\nPrivilege: all,smscommand\r\nID: {id}\r\nSmsc: +15550100\r\n"
        f"Status: {status}\r\n--END SMS EVENT--\r\n\r\n"
    ).encode()
