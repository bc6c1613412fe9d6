"""A box to dial: it speaks the lines of real ones, as they were logged, with fictitious numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from goip.addresses import BoxAddress

USERNAME, SECRET = "apiuser", "s3cr:t/&"

BANNER = b"Asterisk Call Manager/1.1\r\n"
ACCEPTED = b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
REFUSED = b"Response: Error\r\nMessage: Authentication failed\r\n\r\n"
SPANS = (
    b"Response: Follows\r\nPrivilege: SMSCommand\r\n"
    b"GSM span 2: Power on, Provisioned, Up, Active,Standard\n"
    b"GSM span 3: Power on, Provisioned, Undetected SIM Card, Active,Standard\n"
    b"--END COMMAND--\r\n\r\n"
)
SPAN_2 = (
    b"Response: Follows\r\nPrivilege: SMSCommand\r\n"
    b"D-channel: 2\nStatus: Power on, Provisioned, Up, Active,Standard\nType: CPE\nManufacturer: SIMCOM_Ltd\n"
    b"Model Name: SIMCOM_SIM800\nModel IMEI: 894005028759112\nModel CBAND:  EGSM_MODE,ALL_BAND\n"
    b"Revision: 1308B08SIM800M32\nNetwork Name: Example GSM\nNetwork Status: Registered (Home network)\n"
    b"Signal Quality (0,31): 13\nSIM IMSI: 901700000012345\nSIM SMS Center Number: +15550100\n"
    b"Send SMS Center Number: Undefined\nLast event: USSD received\nState: READY\n"
    b"Last send AT: AT+CREG?\\r\\n--END COMMAND--\r\n\r\n"
)
SPAN_3 = (
    b"Response: Follows\r\nPrivilege: SMSCommand\r\n"
    b"D-channel: 3\nStatus: Power on, Provisioned, Undetected SIM Card, Active,Standard\nType: CPE\n"
    b"Model IMEI: 894005028759113\nNetwork Name: \nNetwork Status: Not registered\n"
    b"Signal Quality (0,31): 99\nSIM IMSI: \nState: IDLE\n--END COMMAND--\r\n\r\n"
)
ANSWERS = {"gsm show spans": SPANS, "gsm show span 2": SPAN_2, "gsm show span 3": SPAN_3}


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
    """The event of a received SMS."""
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


class Box:
    """A TG box on a free port of this machine.

    `piece` is how many bytes leave it at a time; `is_mute` boxes hear everything and answer nothing.
    """

    def __init__(self, *, secret: str = SECRET, piece: int = 0, is_mute: bool = False) -> None:
        self.secret = secret
        self.piece = piece
        self.is_mute = is_mute
        self.commands: list[str] = []
        self.n_logins = 0
        self.n_refusals = 0
        self.n_unanswered = 0
        self.port = 0
        self._changed = asyncio.Event()
        self._mouth = asyncio.Lock()
        self._writers: set[asyncio.StreamWriter] = set()
        self._guests: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.plug_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pull_out()

    async def plug_in(self) -> None:
        """Listen, on the port of the last time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def pull_out(self) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def address(self, secret: str = SECRET) -> BoxAddress:
        return BoxAddress("office", "127.0.0.1", self.port, USERNAME, secret)

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._guests.clear()

    async def say(self, *events: bytes) -> None:
        """Tell all who are logged in; wait for somebody where nobody is."""
        await self.until(lambda: self._guests)
        for writer in tuple(self._guests):
            await self._write(writer, b"".join(events))

    async def until(self, is_so: object) -> None:
        """Wait for what guests do."""
        assert callable(is_so)
        async with asyncio.timeout(10):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._write(writer, BANNER)
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                await self._answer(writer, [line for line in request if line])
                self._changed.set()
        self._writers.discard(writer)
        self._guests.discard(writer)
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, request: Sequence[str]) -> None:
        if self.is_mute:
            self.n_unanswered += 1
            return
        if request[0] == "Action: Login":
            await self._log_in(writer, request)
        elif writer in self._guests and request[0] == "Action: smscommand":
            command = request[1].removeprefix("command: ")
            self.commands.append(command)
            await self._write(writer, ANSWERS[command])

    async def _log_in(self, writer: asyncio.StreamWriter, request: Sequence[str]) -> None:
        if list(request[1:]) == [f"Username: {USERNAME}", f"Secret: {self.secret}"]:
            self.n_logins += 1
            await self._write(writer, ACCEPTED)
            self._guests.add(writer)
        else:
            self.n_refusals += 1
            await self._write(writer, REFUSED)
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Say it, in pieces that leave one by one, and nothing else meanwhile."""
        piece = self.piece or max(1, len(data))
        async with self._mouth:
            for start in range(0, len(data), piece):
                writer.write(data[start : start + piece])
                await writer.drain()
                await asyncio.sleep(0)
