"""Jasmin: forms, again after 30 s, three times, until it is answered by 200 and exactly `ACK/Jasmin`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from goip.simulator.boxes.messages import Message
from goip.simulator.boxes.posting import Answer, Poster, Request, Schedule
from goip.simulator.boxes.relay import Relay

SCHEDULE: Final = Schedule(first_seconds=30, factor=1, repeats=3)
_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_NUMBER = "+12025550100"
_GSM, _UCS2 = ("0", "utf-8"), ("8", "utf-16-be")


class JasminRelay(Relay):
    """One connector."""

    def make_poster(self) -> Poster:
        """Another answer is none."""
        return Poster(self.fleet, SCHEDULE, is_taken=is_acknowledged)

    def request_of(self, message: Message) -> Request:
        """The text as text, and in hex as it came over the air; long ones are joined already."""
        coding, charset = _GSM if message.text.isascii() else _UCS2
        return self._post(
            {
                "id": self.make_id(),
                "from": message.sender,
                "to": _NUMBER,
                "origin-connector": self.device_id,
                "priority": "1",
                "coding": coding,
                "content": message.text,
                "binary": message.text.encode(charset).hex(),
            }
        )

    def report_of(self, reference: str) -> Request:
        """A report of level 1: what the provider's server says."""
        told = {"id": reference, "message_status": "ESME_ROK", "level": "1", "connector": self.device_id}
        return self._post(told)

    def _post(self, form: dict[str, str]) -> Request:
        return Request(self.options.address, urlencode(form).encode(), _HEADERS)


def is_acknowledged(answer: Answer) -> bool:
    """Whether Jasmin takes an answer for one."""
    return answer.status == HTTPStatus.OK and answer.body == b"ACK/Jasmin"
