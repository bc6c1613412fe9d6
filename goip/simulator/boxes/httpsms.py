"""Phones with the stock httpSMS app, whose server is set to ours: its calls, with its own paths behind our address.

A received message that is refused with a 4xx is lost; anything else is tried again. How often is not written: here
after 10 s, then after twice as long each time, ten times.
"""

from __future__ import annotations

from typing import Any, Final

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.phone import Phone, write_json
from goip.simulator.boxes.posting import Poster, Request, Schedule
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=10, factor=2, repeats=10)
_CLIENT_VERSION = "v1.0.0"


class HttpsmsPhone(Phone):
    """One phone; each of its numbers is a device, as nothing else in a message says who it is."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self._poster = Poster(fleet, SCHEDULE, minds_refusals=True)

    def beat(self) -> None:
        """`/v1/heartbeats`."""
        body = {"charging": self.battery.is_charging, "phone_numbers": list(self.numbers.values())}
        request = self._call("/v1/heartbeats", body)
        self._poster.tell(self.fleet.tally.heartbeats, lambda: request, once=True)

    def receive(self, slot: LiveSlot) -> None:
        """`/v1/messages/receive`."""
        message = self.correspondents.write(self.numbers[slot.index], slot.index)
        body = {
            "from": message.sender,
            "to": self.numbers[slot.index],
            "content": message.text,
            "encrypted": False,
            "sim": f"SIM{slot.index + 1}",
            "timestamp": self.write_time(),
            "attachments": [],
        }
        request = self._call("/v1/messages/receive", body)
        self.send((message,), self._poster.deliver(lambda: request))

    def happen(self, slot: LiveSlot) -> None:
        """A call that nobody took."""
        body = {
            "from": self.correspondents.pick(),
            "to": self.numbers[slot.index],
            "sim": f"SIM{slot.index + 1}",
            "timestamp": self.write_time(),
        }
        request = self._call("/v1/messages/calls/missed", body)
        self._poster.tell(self.fleet.tally.events, lambda: request)

    def _call(self, path: str, body: dict[str, Any]) -> Request:
        headers = {
            "Content-Type": "application/json",
            "x-api-key": self.options.key,
            "X-Client-Version": _CLIENT_VERSION,
        }
        return Request(self.options.address + path, write_json(body), headers)
