"""socket.io-client 4 from npm, in Node, told what to do from Python: the client that other people have."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("stock_client.cjs")
PACKAGE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "socket.io-client"
WAIT_SECONDS = 10.0

Json = Any


Tell = Callable[[str, list[Json]], None]


class NoAnswer(AssertionError):
    """A command failed in Node, or no ack came."""


class StockClients:
    """One Node process that holds any number of stock sockets."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [_node(), str(SCRIPT), str(_package())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Json]] = {}
        self._sockets: dict[str, StockSocket] = {}
        self.news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def connect(
        self, url: str, *, is_awaited: bool = True, tell: Tell | None = None, **options: Json
    ) -> StockSocket:
        """A new socket with these options of `io()`; waits until it is connected, unless told not to.

        `tell` is called from another thread with each event and its arguments, as they come.
        """
        socket = StockSocket(self, f"s{next(self._numbers)}", tell)
        self._sockets[socket.name] = socket
        self.do("connect", socket=socket.name, url=url, options=options)
        if is_awaited:
            socket.wait_for("connect")
        return socket

    def do(self, what: str, **command: Json) -> Json:
        """Send a command and return its answer: what `ok` or `ack` says. Raises NoAnswer on `error`."""
        n = next(self._numbers)
        assert self._process.stdin is not None
        with self.news:
            self._process.stdin.write(json.dumps({"n": n, "do": what} | command) + "\n")
            self._process.stdin.flush()
            answered = self.news.wait_for(lambda: n in self._answers, WAIT_SECONDS + 5)
            assert answered, f"Node did not answer to {what}"
            answer = self._answers.pop(n)
        if "error" in answer:
            raise NoAnswer(f"{what} {command}: {answer['error']}")
        return answer["ack"] if "ack" in answer else answer["ok"]

    def close_all(self) -> None:
        """Disconnect every socket that is still open."""
        while self._sockets:
            self.do("close", socket=self._sockets.popitem()[0])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        self._process.stdout.close()

    def forget(self, socket: StockSocket) -> None:
        self._sockets.pop(socket.name, None)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            news = json.loads(line)
            with self.news:
                if "n" in news:
                    self._answers[news["n"]] = news
                elif news["socket"] in self._sockets:
                    self._sockets[news["socket"]].hear(news["event"], news["args"])
                self.news.notify_all()


class StockSocket:
    """One socket and all that has happened to it, in order."""

    def __init__(self, clients: StockClients, name: str, tell: Tell | None = None) -> None:
        self._clients = clients
        self.name = name
        self.happened: list[tuple[str, list[Json]]] = []
        self._tell = tell

    def hear(self, event: str, args: list[Json]) -> None:
        """Something has happened to it."""
        self.happened.append((event, args))
        if self._tell is not None:
            self._tell(event, args)

    def call(self, event: str, *args: Json) -> Json:
        """Emit and return the ack."""
        ack = self._clients.do("emit", socket=self.name, event=event, args=list(args), ack=True)
        assert len(ack) == 1, f"the ack of {event} has {len(ack)} arguments: {ack}"
        return ack[0]

    def emit(self, event: str, *args: Json) -> None:
        self._clients.do("emit", socket=self.name, event=event, args=list(args), ack=False)

    def wait_for(
        self,
        event: str,
        where: Callable[[Json], bool] = lambda data: True,
        *,
        start: int = 0,
        timeout: float = WAIT_SECONDS,
    ) -> Json:
        """The data of the first `event` since the happening number `start` that is so."""
        deadline = time.monotonic() + timeout
        with self._clients.news:
            while True:
                for data in self.received(event, start=start):
                    if where(data):
                        return data
                left = deadline - time.monotonic()
                seen = [name for name, _ in self.happened[start:]]
                assert left > 0, f"no such {event!r} within {timeout} s; what came: {seen}"
                self._clients.news.wait(left)

    def received(self, event: str, *, start: int = 0) -> list[Json]:
        """The data of every `event` so far."""
        return [args[0] if args else None for name, args in self.happened[start:] if name == event]

    @property
    def now(self) -> int:
        """The number of the next happening, for `start`."""
        return len(self.happened)

    @property
    def transport(self) -> str:
        return str(self._clients.do("transport", socket=self.name))

    def cut(self) -> None:
        """Break the link; the stock client connects again by itself."""
        self._clients.do("cut", socket=self.name)

    def abort(self) -> None:
        """Reset the TCP connection; the stock client does not come back."""
        self._clients.do("abort", socket=self.name)
        self._clients.forget(self)

    def close(self) -> None:
        self._clients.do("close", socket=self.name)
        self._clients.forget(self)


def _node() -> str:
    beside = Path(sys.executable).parent / "node"
    node = str(beside) if os.access(beside, os.X_OK) else shutil.which("node")
    assert node, "no node beside this Python or on the PATH: run `make install`"
    return node


def _package() -> Path:
    """The installed client, to `require` by path; also from a checkout that lies elsewhere."""
    package = Path(os.environ.get("GOIP_TEST_SOCKET_IO_CLIENT", PACKAGE))
    assert (package / "package.json").exists(), (
        f"socket.io-client is not at {package}. Run `make install` (or `npm ci` in web/): the contract is held "
        "against the stock JavaScript client, not against Python's"
    )
    version = json.loads((package / "package.json").read_text())["version"]
    assert version.startswith("4."), f"socket.io-client {version} at {package}, not 4"
    return package
