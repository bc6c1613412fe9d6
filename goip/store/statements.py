"""The writing statements, built from the tables once and compiled to the driver's own SQL.

A commit is a list of rows for each kind of `Write`; a row has the columns of its table, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
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
    PLACE = auto()
    EVENT = auto()
    DROP_DEVICE = auto()

    __hash__ = object.__hash__  # an Enum's own is Python, and stands in the way of every row


_ORDER = tuple(Write)

FENCED = "the stream is elsewhere"
"""What SQLite's one statement fails with where another server has written."""

KEY_COLUMNS = ("kind", "hash", "name", "device_pk", "scopes", "created_at")
"""What a new key has; the rest of its row comes with its use."""

STREAM_COLUMNS = ("seq", "folded_seq", "received_sms", "sent_sms", "delivered_sms", "failed_sms")


class OneStatement(NamedTuple):
    """For SQLite, a whole commit as one statement: an insert into a view, of a JSON array of rows for each kind.

    `setup` is a script that the connection has to run before.
    """

    setup: str
    insert: str

    @staticmethod
    def parameters(rows: Mapping[Write, list[Row]]) -> list[bytes]:
        """The rows of each kind as JSON; empty where there are none."""
        return [orjson.dumps(rows[write]) if write in rows else b"" for write in _ORDER]


def statements_by_kind(dialect: Dialect) -> dict[Write, str]:
    """For PostgreSQL, what writes a row of each kind, in order."""
    return {write: _text(_by_row(dialect, write), dialect, write) for write in Write}


def _by_row(dialect: Dialect, write: Write) -> UpdateBase:
    """The statement that writes one row, whose values are parameters."""
    if write is Write.STREAM:
        return _moved_stream(lambda name, _: bindparam(name))
    if write in _DROPS:
        return delete(_DROPS[write].table).where(_DROPS[write] == bindparam("pk"))
    statement: UpdateBase = _inserted(dialect, write)
    return statement


def one_statement(dialect: Dialect) -> OneStatement:
    """See `OneStatement`: with ten statements and their rows, a commit took twice as long."""
    names = ", ".join(write.name for write in Write)
    nothing = ", ".join(f"NULL AS {write.name}" for write in Write)
    fence, *others = [_text(_from_json(dialect, write), dialect, write) for write in Write]
    is_fenced = f"SELECT RAISE(ABORT, '{FENCED}') WHERE changes() <> 1"
    body = ";\n".join([fence, is_fenced, *others])
    setup = (
        f"CREATE TEMP VIEW IF NOT EXISTS a_commit AS SELECT {nothing};\n"
        f"CREATE TEMP TRIGGER IF NOT EXISTS on_commit INSTEAD OF INSERT ON a_commit BEGIN\n{body};\nEND;"
    )
    marks = ", ".join("?" for _ in Write)
    return OneStatement(setup, f"INSERT INTO a_commit ({names}) VALUES ({marks})")  # noqa: S608 - no name is anybody's but ours


def _from_json(dialect: Dialect, write: Write) -> UpdateBase:
    """The statement that writes all rows of a kind, from the JSON array in the view's new row."""
    array: ColumnElement[Any] = literal_column(f"NEW.{write.name}")
    if write is Write.STREAM:
        return _moved_stream(lambda _, place: func.json_extract(array, f"$[0][{place}]"))
    row = func.json_each(array).table_valued("value").c.value
    if write in _DROPS:
        return delete(_DROPS[write].table).where(_DROPS[write].in_(select(func.json_extract(row, "$[0]"))))
    names = _columns(write)
    cells = [func.json_extract(row, f"$[{place}]") for place in range(len(names))]
    # Without a WHERE, SQLite would take the ON of a conflict for that of a join.
    return _inserted(dialect, write).from_select(names, select(*cells).where(true()))  # type: ignore[no-any-return]


_TABLES: Mapping[Write, Table] = {
    Write.DEVICE: t.devices,
    Write.SLOT: t.slots,
    Write.SIM: t.sims,
    Write.KEY: t.keys,
    Write.HEARTBEAT: t.heartbeat_log,
    Write.ROLLUP: t.heartbeat_rollups,
    Write.SMS: t.sms,
    Write.CONVERSATION: t.conversations,
    Write.PLACE: t.memory_places,
    Write.EVENT: t.events,
}
_DROPS: Mapping[Write, Column[Any]] = {
    Write.DROP_SLOTS: t.slots.c.device_pk,
    Write.DROP_DEVICE: t.devices.c.pk,
}


def _columns(write: Write) -> tuple[str, ...]:
    return KEY_COLUMNS if write is Write.KEY else tuple(column.name for column in _TABLES[write].columns)


def _text(statement: UpdateBase, dialect: Dialect, write: Write) -> str:
    keys = _columns(write) if write in _TABLES else None
    literals = {"literal_binds": True} if dialect.name == "sqlite" else {}
    return str(statement.compile(dialect=dialect, column_keys=keys, compile_kwargs=literals))


def _inserted(dialect: Dialect, write: Write) -> Any:
    """The insert of a kind, and what becomes of a row that is there already."""
    match write:
        case Write.DEVICE | Write.PLACE:
            return _upsert(dialect, _TABLES[write])
        case Write.SIM:
            return _upsert(dialect, t.sims, keep=("first_seen_at",))
        case Write.ROLLUP:
            return adding_rollup(dialect)
        case Write.CONVERSATION:
            return _growing_conversation(dialect)
        case _:
            return insert(_TABLES[write])


def _insert(dialect: Dialect, table: Table) -> Any:
    maker = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    return maker(table)


def _upsert(dialect: Dialect, table: Table, keep: tuple[str, ...] = ()) -> Any:
    statement = _insert(dialect, table)
    fresh = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key and column.name not in keep
    }
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh)


def _growing_conversation(dialect: Dialect) -> Any:
    table = t.conversations
    statement = _insert(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={
            "last_sms_id": statement.excluded.last_sms_id,
            "n_messages": table.c.n_messages + statement.excluded.n_messages,
        },
    )


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


def _moved_stream(value: Callable[[str, int], ColumnElement[Any]]) -> UpdateBase:
    """The fence; `value` says where in SQL a value of its row is, by a name and its place."""
    stream = t.stream.c
    moved = [(stream[name], value(f"to_{name}", place)) for place, name in enumerate(STREAM_COLUMNS)]
    n_moved = len(STREAM_COLUMNS)
    known = (
        stream.seq == value("known_seq", n_moved),
        stream.epoch == value("known_epoch", n_moved + 1),
    )
    return update(t.stream).ordered_values(*moved).where(*known)
