"""A well-behaved device beside all that is done to the server, and what nothing may do to it."""

from __future__ import annotations

import json
import re
import threading
import time
from http.client import HTTPException

from tests.http_calls import Answer
from tests.live_server import LiveServer

SLOWEST_SECONDS = 5.0
_BODY = {"success", "error", "code", "requestId"}
_INSIDES = re.compile(r"Traceback|File \"|sqlalchemy|asyncpg|sqlite3", re.IGNORECASE)


class Neighbour:
    """Beats all the while; every beat must be answered with 200, and soon."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._key = server.enrol("neighbour", intervalSeconds=60)
        self._is_over = threading.Event()
        self._troubles: list[str] = []
        self.n_beats = 0
        self.slowest_seconds = 0.0
        self._thread = threading.Thread(target=self._live)

    def start(self) -> Neighbour:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Fails when any beat did."""
        self._is_over.set()
        self._thread.join(60)
        assert self._troubles == [], self._troubles[:5]
        assert self.n_beats > 0
        assert self.slowest_seconds < SLOWEST_SECONDS, f"one of its beats took {self.slowest_seconds:.1f} s"

    def _live(self) -> None:
        while not self._is_over.wait(0.1):
            started_at = time.monotonic()
            try:
                answer = self._server.heartbeat("neighbour", self._key, counter=self.n_beats + 2)
                if answer.status != 200:
                    self._troubles.append(f"beat {self.n_beats}: {answer.status} {answer.body!r:.200}")
            except (OSError, HTTPException) as error:
                self._troubles.append(f"beat {self.n_beats}: {error!r}")
            self.n_beats += 1
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started_at)


def must_be_decent(status: int, headers: object, body: bytes, what: object = "") -> None:
    """No 5xx but a 503 that says when to come again; and every refusal has the one body."""
    told = f"{status} {body!r:.300} to {what!r:.800}"
    if status == 503:
        assert headers["Retry-After"], told  # type: ignore[index]
    assert status < 500 or status == 503, told
    if status < 400:
        return
    refusal = json.loads(body)
    assert refusal.keys() - {"fields", "retryAfterSeconds"} == _BODY, told
    assert refusal["success"] is False, told
    assert isinstance(refusal["error"], str), told
    assert not _INSIDES.search(body.decode()), told


def answer_must_be_decent(answer: Answer, what: object = "") -> None:
    must_be_decent(answer.status, answer.headers, answer.body, what)
