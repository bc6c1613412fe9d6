"""A box to dial: it speaks the lines of real ones, as they were logged, with fictitious numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from goip.addresses import BoxAddress
from goip.simulator.boxes.manager import Manager

USERNAME, SECRET = "apiuser", "s3cr:t/&"

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


class Box(Manager):
    """A TG box on a free port of this machine.

    `piece` is how many bytes leave it at a time; `is_mute` boxes hear everything and answer nothing.
    """

    def __init__(self, *, secret: str = SECRET, piece: int = 0, is_mute: bool = False) -> None:
        super().__init__(USERNAME, secret, ANSWERS.__getitem__)
        self.piece = piece
        self.is_mute = is_mute
        self.commands: list[str] = []
        self.n_logins = 0
        self.n_refusals = 0
        self.n_unanswered = 0
        self._changed = asyncio.Event()
        self._mouth = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.plug_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.unplug()

    def address(self, secret: str = SECRET) -> BoxAddress:
        return BoxAddress("office", "127.0.0.1", self.port, USERNAME, secret)

    async def say(self, *events: bytes) -> None:
        """Tell all who are logged in; wait for somebody where nobody is."""
        await self.until(lambda: self.guests)
        await self.tell(b"".join(events))

    async def until(self, is_so: object) -> None:
        """Wait for what guests do."""
        assert callable(is_so)
        async with asyncio.timeout(10):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def hear(self, writer: asyncio.StreamWriter, request: Sequence[str]) -> None:
        """Answer, or not; and let those know who wait for it."""
        if self.is_mute:
            self.n_unanswered += 1
        else:
            if request[0] == "Action: smscommand":
                self.commands.append(request[1].removeprefix("command: "))
            await super().hear(writer, request)
        self._changed.set()

    async def welcome(self, writer: asyncio.StreamWriter, *, is_known: bool) -> None:
        """Count it."""
        self.n_logins += is_known
        self.n_refusals += not is_known
        await super().welcome(writer, is_known=is_known)

    async def write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Say it, in pieces that leave one by one, and nothing else meanwhile."""
        piece = self.piece or max(1, len(data))
        async with self._mouth:
            for start in range(0, len(data), piece):
                await super().write(writer, data[start : start + piece])
                await asyncio.sleep(0)
