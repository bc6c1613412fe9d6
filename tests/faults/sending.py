"""A gateway that sends on through trouble, and remembers what was acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.http_calls import Answer
from tests.live_server import LiveServer


class Gateway:
    """One device; its messages are numbered."""

    def __init__(self, server: LiveServer, device_id: str = "box") -> None:
        self.device_id = device_id
        self._server = server
        self._key = server.enrol(device_id)
        self.n_sent = 0
        self.acknowledged: set[str] = set()

    def send(self, size: int = 10) -> Answer:
        """The next message: `size` says how long its text is at least."""
        self.n_sent += 1
        return self.repeat(self.n_sent, size)

    def repeat(self, number: int, size: int = 10) -> Answer:
        text = f"{number} " + "x" * size
        answer = self._server.receive_sms(self.device_id, self._key, text, messageId=f"{number}")
        if answer.status == 200:
            self.acknowledged.add(answer.json["messageId"])
        else:
            must_be_our_trouble(answer)
        return answer

    def send_until(self, is_it: Callable[[Answer], bool], size: int = 10, timeout: float = 60) -> Answer:
        """Send on until an answer is so. Messages that were refused are sent again until they are taken."""
        deadline = time.monotonic() + timeout
        answer = self.send(size)
        while not is_it(answer):
            assert time.monotonic() < deadline, f"still {answer.status} after {timeout} s: {answer.body!r}"
            if answer.status != 200:
                time.sleep(0.1)
            answer = self.send(size) if answer.status == 200 else self.repeat(self.n_sent, size)
        return answer

    def beat(self, **fields: object) -> Answer:
        return self._server.heartbeat(self.device_id, self._key, **fields)

    def must_all_be_there(self) -> None:
        """Every message that was sent is there once, and has the id that was acknowledged."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"deviceId": self.device_id, "limit": 500}
        while True:
            page = self._server.get("/api/sms", self._server.admin, **query).must()
            found += page["messages"]
            if page["nextCursor"] is None:
                break
            query["cursor"] = page["nextCursor"]
        numbers = sorted(int(message["message"].split()[0]) for message in found)
        assert numbers == sorted(set(numbers)), "doubled"
        assert self.acknowledged <= {message["id"] for message in found}, "lost"


def is_taken(answer: Answer) -> bool:
    return answer.status == 200


def is_refused(answer: Answer) -> bool:
    return answer.status != 200


def must_be_our_trouble(answer: Answer) -> None:
    """503, a word for it, and when to come again; never 404 or 500."""
    assert answer.status == 503, (answer.status, answer.body)
    assert int(answer.headers["Retry-After"]) >= 1
    body = answer.json
    assert (body["success"], bool(body["error"]), bool(body["requestId"])) == (False, True, True)
    assert "Traceback" not in answer.text
