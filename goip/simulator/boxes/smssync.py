"""Phones with SMSsync: each message as a form, until `success` is true in the answer, whatever its status says.

The app tries what is pending again each time that it synchronises, here every five minutes, and never gives up. With
"task checking" on it asks as often as its user set whether there is something to send.
"""

from __future__ import annotations

import json
import time
from typing import Final
from urllib.parse import urlencode

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.phone import Phone
from goip.simulator.boxes.posting import Answer, Poster, Request, Schedule
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=300, factor=1, repeats=1_000)
_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class SmssyncPhone(Phone):
    """One phone, under the device id of the app's settings."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"sync{self.options.seed:03d}-{index + 1:03d}"
        self._poster = Poster(fleet, SCHEDULE, is_taken=is_success)
        self._asker = Poster(fleet, SCHEDULE)

    def beat(self) -> None:
        """It asks for a task."""
        url = f"{self.options.address}/{self.device_id}"
        request = Request(url, query={"task": "send"}, method="GET")
        self._asker.tell(self.fleet.tally.heartbeats, lambda: request, once=True)

    def receive(self, slot: LiveSlot) -> None:
        """The form; a message has an id of the app's own."""
        message = self.correspondents.write(self.device_id, slot.index)
        told = {
            "from": message.sender,
            "message": message.text,
            "message_id": f"{self.random.getrandbits(128):032x}",
            "sent_to": self.numbers[slot.index],
            "secret": "",
            "device_id": self.device_id,
            "sent_timestamp": str(int(time.time() * 1000)),
        }
        request = Request(self.options.address, urlencode(told).encode(), _HEADERS)
        self.send((message,), self._poster.deliver(lambda: request))


def is_success(answer: Answer) -> bool:
    """Whether the app takes an answer for one."""
    try:
        return json.loads(answer.body)["payload"]["success"] is True
    except (ValueError, LookupError, TypeError):
        return False
