"""Copies of a SQLite database, made while it is in use."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

_PAGES_AT_ONCE = 2_000

Progress = Callable[[int, int], None]
"""Called with how many pages are copied, and of how many."""


def new_epoch() -> str:
    """A name for one life of a database, never given twice."""
    return secrets.token_hex(6)


def copy_sqlite(source: Path, target: Path, progress: Progress | None = None) -> None:
    """A consistent copy of `source` as `target`."""

    def report(_status: int, n_left: int, n_pages: int) -> None:
        if progress is not None:
            progress(n_pages - n_left, n_pages)

    with closing(sqlite3.connect(source)) as from_file, closing(sqlite3.connect(target)) as to_file:
        from_file.backup(to_file, pages=_PAGES_AT_ONCE, progress=report)


def back_up(source: Path, target: Path, progress: Progress | None = None) -> None:
    """A copy to keep. It has an epoch of its own: when it is restored, a cursor from the original that has
    gone on meanwhile is not mistaken for a place in it."""
    copy_sqlite(source, target, progress)
    with closing(sqlite3.connect(target)) as copy, copy:
        copy.execute("UPDATE stream SET epoch = ?", (new_epoch(),))
