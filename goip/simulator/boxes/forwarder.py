"""Phones with a plain forwarder app: its default template as JSON, no heartbeat, no id of anything.

What is not answered by 2xx is tried again after 10 s, then after twice as long each time, ten times.
"""

from __future__ import annotations

import time
from typing import Final

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.phone import Phone, write_json
from goip.simulator.boxes.posting import Poster, Request, Schedule
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=10, factor=2, repeats=10)
_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "SMS Forwarder App"}


class ForwarderPhone(Phone):
    """One phone; the app says nothing of it, so its user wrote a name into the address."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"phone{self.options.seed:03d}-{index + 1:03d}"
        self._poster = Poster(fleet, SCHEDULE)

    def receive(self, slot: LiveSlot) -> None:
        """The template with its places filled in; stamps are texts of milliseconds."""
        message = self.correspondents.write(self.device_id, slot.index)
        now = int(time.time() * 1000)
        body = {
            "from": message.sender,
            "text": message.text,
            "sentStamp": str(now - self.random.randrange(500, 5_000)),
            "receivedStamp": str(now),
            "sim": f"sim{slot.index + 1}",
        }
        request = Request(f"{self.options.address}/{self.device_id}", write_json(body), _HEADERS)
        self.send((message,), self._poster.deliver(lambda: request))
