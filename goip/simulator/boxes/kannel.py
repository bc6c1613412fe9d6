"""Kannel, with the `get-url` that the documents tell people to use.

It takes 200 and no other status for an answer, and tries again every 10 s, as often as its `http-request-retry` says:
1,000 times, as documented.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from goip.simulator.boxes.messages import Message
from goip.simulator.boxes.posting import Poster, Request, Schedule
from goip.simulator.boxes.relay import Relay

SCHEDULE: Final = Schedule(first_seconds=10, factor=1, repeats=1_000)
_NUMBER = "+12025550100"
_DELIVERED = "1"


class KannelRelay(Relay):
    """One `smsc`."""

    def make_poster(self) -> Poster:
        """It reads no more of an answer than its status; the text it would send to the phone."""
        return Poster(self.fleet, SCHEDULE, is_taken=lambda answer: answer.status == HTTPStatus.OK)

    def request_of(self, message: Message) -> Request:
        """The `get-url`, its escapes filled in; `%d` is -1 of what is no report."""
        return self._ask(
            {
                "from": message.sender,
                "to": _NUMBER,
                "text": message.text,
                "charset": "UTF-8",
                "coding": "0" if message.text.isascii() else "2",
                "time": str(int(time.time())),
                "id": self.make_id(),
                "smsc": self.device_id,
                "dlr": "-1",
            }
        )

    def report_of(self, reference: str) -> Request:
        """The `dlr-url`."""
        return self._ask({"dlr": _DELIVERED, "id": reference, "to": self.correspondents.pick()})

    def _ask(self, query: dict[str, str]) -> Request:
        return Request(f"{self.options.address}/{self.device_id}", query=query, method="GET")
