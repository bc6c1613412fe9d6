"""The process that commits to SQLite: it writes down what it is told, and says when that is on disk.

As a thread beside the event loop, a commit had to win the interpreter back after each of its steps, and the loop
paid a system call whenever it let go of it meanwhile: a quarter of its time. So commits have a process of their own.
It is run as a file, without goip and without site-packages, so it starts in 20 ms and holds some 10 MB; it ends
when its line does, after the commit it is at.

First comes a line of JSON, `OPENING`; then commits, each the sizes of its parts and the parts, one a parameter of
the statement, where size 0 is NULL. Each of them is answered with a line of JSON: `[]`, or the name of sqlite3's
exception and its message.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO, TypedDict


class Opening(TypedDict):
    """What to open, and what to do with it: `script` once, `statement` with `n_parts` parameters at each commit."""

    path: str
    busy_seconds: float
    script: str
    statement: str
    n_parts: int


def sizes_of(n_parts: int) -> struct.Struct:
    """How the sizes before a commit's parts are written."""
    return struct.Struct(f"!{n_parts}I")


def main() -> None:
    """Serve the one who holds the other end of standard input and output."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # meant for the server, which says when to end
    answers = sys.stdout.fileno()  # not its buffer, which would complain at the end of what it could not say
    with contextlib.suppress(ConnectionError):  # the server is gone
        for trouble in _serve(sys.stdin.buffer):
            os.write(answers, json.dumps(trouble).encode() + b"\n")


def _serve(told: BinaryIO) -> Iterator[list[str]]:
    opening: Opening = json.loads(told.readline())
    try:
        connection = sqlite3.connect(opening["path"], opening["busy_seconds"], isolation_level=None)
        connection.executescript(opening["script"])
    except sqlite3.Error as error:
        yield _named(error)
        return
    yield []
    for parts in _parts(told, opening["n_parts"]):
        try:
            connection.execute(opening["statement"], parts)
        except sqlite3.Error as error:
            yield _named(error)
        else:
            yield []
    connection.close()


def _parts(told: BinaryIO, n_parts: int) -> Iterator[list[str | None]]:
    """The parts of each commit, until the line ends; one that came in half is none."""
    head = sizes_of(n_parts)
    while len(sizes := told.read(head.size)) == head.size:
        parts = [told.read(size) for size in head.unpack(sizes)]
        if sum(map(len, parts)) != sum(head.unpack(sizes)):
            return
        yield [part.decode() if part else None for part in parts]


def _named(error: sqlite3.Error) -> list[str]:
    return [type(error).__name__, str(error)]


if __name__ == "__main__":
    main()
