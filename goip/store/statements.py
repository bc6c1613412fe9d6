"""The writing statements, built from the tables once and compiled to the driver's own SQL.

The writer executes them with lists of tuples; a tuple has the columns of its table, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Any

import orjson
from sqlalchemy import Dialect, Table, bindparam, delete, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import UpdateBase

from goip.store import tables as t

Row = tuple[Any, ...]


class Write(Enum):
    """The kinds of row that a commit writes, in the order in which they are written.

    The stream comes first: it is the fence. It moves only from where this server believes it to be.
    """

    STREAM = auto()
    DEVICE = auto()
    DROP_SLOTS = auto()
    SLOT = auto()
    SIM = auto()
    KEY = auto()
    HEARTBEAT = auto()
    ROLLUP = auto()
    SMS = auto()
    CONVERSATION = auto()
    EVENT = auto()
    DROP_DEVICE = auto()


_FEW_ROWS = 4


class Statements:
    """The SQL text of every `Write`, for one database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        build = {
            Write.DEVICE: self._upsert(t.devices),
            Write.DROP_SLOTS: delete(t.slots).where(t.slots.c.device_pk == bindparam("pk")),
            Write.SLOT: insert(t.slots),
            Write.SIM: self._upsert(t.sims, keep=("first_seen_at",)),
            Write.KEY: insert(t.keys),
            Write.HEARTBEAT: insert(t.heartbeat_log),
            Write.ROLLUP: adding_rollup(dialect),
            Write.SMS: insert(t.sms),
            Write.CONVERSATION: self._growing_conversation(),
            Write.EVENT: insert(t.events),
            Write.DROP_DEVICE: delete(t.devices).where(t.devices.c.pk == bindparam("pk")),
            Write.STREAM: _moved_stream(),
        }
        self._bulk = {Write.HEARTBEAT: _bulk_insert(t.heartbeat_log)} if dialect.name == "sqlite" else {}
        given = {Write.KEY: KEY_COLUMNS}
        self.sql = {
            write: str(statement.compile(dialect=dialect, column_keys=given.get(write)))
            for write, statement in build.items()
        }

    def batch(self, rows_by_write: Iterable[tuple[Write, list[Row]]]) -> list[tuple[str, list[Row]]]:
        """What to execute, in order, to write these rows."""
        return [self._in_bulk(write, rows) for write, rows in rows_by_write]

    def _in_bulk(self, write: Write, rows: list[Row]) -> tuple[str, list[Row]]:
        bulk = self._bulk.get(write)
        if bulk is None or len(rows) < _FEW_ROWS:
            return self.sql[write], rows
        return bulk, [(orjson.dumps(rows).decode(),)]

    def _upsert(self, table: Table, keep: tuple[str, ...] = ()) -> UpdateBase:
        statement = _insert(self._dialect, table)
        fresh = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if not column.primary_key and column.name not in keep
        }
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh)  # type: ignore[no-any-return]

    def _growing_conversation(self) -> UpdateBase:
        table = t.conversations
        statement = _insert(self._dialect, table)
        return statement.on_conflict_do_update(  # type: ignore[no-any-return]
            index_elements=list(table.primary_key),
            set_={
                "last_sms_id": statement.excluded.last_sms_id,
                "n_messages": table.c.n_messages + statement.excluded.n_messages,
            },
        )


def _insert(dialect: Dialect, table: Table) -> Any:
    maker = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    return maker(table)


def adding_rollup(dialect: Dialect) -> Any:
    """An insert that adds to a bucket which is there, so that a fold is a sum of what came since the last one."""
    table = t.heartbeat_rollups
    statement = _insert(dialect, table)
    fresh = statement.excluded
    low, high = (func.min, func.max) if dialect.name == "sqlite" else (func.least, func.greatest)
    sums = ("n_beats", "n_battery", "battery_sum", "n_signal", "signal_sum")
    changes: dict[str, Any] = {name: table.c[name] + fresh[name] for name in sums}
    bounds = {"battery_min": low, "battery_max": high, "signal_min": low, "signal_max": high}
    for name, pick in bounds.items():
        # SQLite's two-argument min() is NULL when either side is.
        changes[name] = func.coalesce(pick(table.c[name], fresh[name]), table.c[name], fresh[name])
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)


def _bulk_insert(table: Table) -> str:
    """SQLite's insert of many rows by one step, from a JSON array of arrays.

    The driver lets go of the interpreter at every row that it steps through, and has to win it back from
    the busy event loop each time; by one step a batch it does so once.
    """
    names = [column.name for column in table.columns]
    values = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(names)))
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} FROM json_each(?)"  # noqa: S608


KEY_COLUMNS = ["kind", "hash", "name", "device_pk", "scopes", "created_at"]
"""What a new key has; the rest of its row comes with its use."""

STREAM_COLUMNS = ("seq", "folded_seq", "received_sms", "sent_sms", "delivered_sms", "failed_sms")


def _moved_stream() -> UpdateBase:
    stream = t.stream.c
    moved: Iterator[tuple[Any, Any]] = ((stream[name], bindparam(f"to_{name}")) for name in STREAM_COLUMNS)
    known = (stream.seq == bindparam("known_seq"), stream.epoch == bindparam("known_epoch"))
    return update(t.stream).ordered_values(*moved).where(*known)
