"""Years of heartbeats in a minute: history rows written straight into a goip database while it is closed.

The rows are those that the server itself would have left: one entry in the log per heartbeat, chained per
device, and the five-minute rollups of the device and its two slots.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from goip.store.fold import DEVICE_ITSELF, STEP_SECONDS

_BATCH = 100_000
_SPAN_SECONDS = 40 * 3600  # well within the time that single heartbeats are kept

Row = tuple[object, ...]


def fill_history(path: Path, n_samples: int) -> int:
    """Add `n_samples` heartbeats of the devices that `path` knows; returns the size of the file in bytes."""
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA journal_mode=WAL")
        (first,) = database.execute("SELECT seq FROM stream").fetchone()
        devices = database.execute(
            "SELECT d.pk, d.beat_seq, l.heartbeat FROM devices d "
            "JOIN heartbeat_log l ON l.seq = d.beat_seq ORDER BY d.pk"
        ).fetchall()
        now = int(time.time() * 1000)
        _fill(database, "heartbeat_log", 5, _log_rows(devices, first, n_samples, now))
        per_device = n_samples // len(devices)
        _fill(database, "heartbeat_rollups", 13, _rollup_rows([pk for pk, _, _ in devices], per_device, now))
        _move_stream(database, devices, first, n_samples)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size


def _log_rows(devices: list[tuple[int, int, str]], first: int, n_samples: int, now: int) -> Iterator[Row]:
    """All devices in turn, again and again, spread over the time up to now."""
    step = _SPAN_SECONDS * 1000 / n_samples
    start = now - _SPAN_SECONDS * 1000
    n_devices = len(devices)
    for number in range(n_samples):
        pk, beat_seq, heartbeat = devices[number % n_devices]
        seq = first + 1 + number
        previous = seq - n_devices if number >= n_devices else beat_seq
        yield seq, pk, previous, int(start + number * step), heartbeat


def _rollup_rows(pks: list[int], beats_per_device: int, now: int) -> Iterator[Row]:
    width = STEP_SECONDS * 1000
    n_buckets = _SPAN_SECONDS // STEP_SECONDS
    newest = now - now % width - width
    per_bucket = max(1, beats_per_device // n_buckets)
    for pk in pks:
        for slot_index in (DEVICE_ITSELF, 0, 1):
            for back in range(n_buckets, 0, -1):
                at = newest - back * width
                n_battery = per_bucket if slot_index == DEVICE_ITSELF else 0
                battery = (n_battery, n_battery * 70, 70, 70) if n_battery else (0, 0, None, None)
                signal = (per_bucket, per_bucket * 18, 16, 20)
                yield (pk, slot_index, STEP_SECONDS, at, per_bucket, *battery, *signal)


def _fill(database: sqlite3.Connection, table: str, n_columns: int, rows: Iterator[Row]) -> None:
    marks = ",".join("?" * n_columns)
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            _insert(database, table, marks, batch)
            batch = []
    _insert(database, table, marks, batch)


def _insert(database: sqlite3.Connection, table: str, marks: str, batch: list[Row]) -> None:
    database.execute("BEGIN")
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)
    database.execute("COMMIT")


def _move_stream(
    database: sqlite3.Connection, devices: list[tuple[int, int, str]], first: int, n_samples: int
) -> None:
    """The stream and every device are where the last of the new heartbeats left them, all of it folded."""
    last = first + n_samples
    heads = [
        (last - (last - first - 1 - place) % len(devices), pk) for place, (pk, _, _) in enumerate(devices)
    ]
    database.executemany("UPDATE devices SET seq = ?1, beat_seq = ?1 WHERE pk = ?2", heads)
    database.execute("UPDATE stream SET seq = ?1, folded_seq = ?1", (last,))
