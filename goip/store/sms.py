"""Messages: finding, searching, conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.models import Direction, Sms
from goip.store import tables as t
from goip.store.pages import Page
from goip.store.rows import sms_of

_SHORTEST_INDEXED_TERM = 3
_MOST_TERMS = 8


@dataclass(frozen=True, slots=True)
class SmsFilter:
    """Which messages are meant; None leaves a side open. `from_at`/`to_at` bound the time of receipt.

    `search` finds messages whose text, sender or recipient contain each of its words, in any case.
    """

    search: str | None = None
    device_id: str | None = None
    slot_index: int | None = None
    peer: str | None = None
    direction: Direction | None = None
    from_at: int | None = None
    to_at: int | None = None


async def find_repeats(connection: AsyncConnection, repeat_keys: Sequence[str]) -> dict[str, Sms]:
    """Those of the keys under which a message is stored, with the message."""
    query = select(t.sms).where(t.sms.c.repeat_key.in_(repeat_keys))
    return {row.repeat_key: sms_of(row) for row in await connection.execute(query)}


async def find_sms(connection: AsyncConnection, sms_id: int) -> Sms | None:
    """The message of that id."""
    row = (await connection.execute(select(t.sms).where(t.sms.c.id == sms_id))).one_or_none()
    return None if row is None else sms_of(row)


async def list_sms(
    connection: AsyncConnection, wanted: SmsFilter, *, limit: int, before: int | None = None
) -> Page[Sms]:
    """A page of messages, newest first; `before` continues after the message of that id."""
    matches = _conditions(connection, wanted)
    query = select(t.sms).where(*matches).order_by(t.sms.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(t.sms.c.id < before)
    rows = [sms_of(row) for row in await connection.execute(query)]
    total = (await connection.execute(select(func.count()).select_from(t.sms).where(*matches))).scalar_one()
    has_more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].id if has_more else None, total)


async def stream_sms(connection: AsyncConnection, wanted: SmsFilter) -> AsyncIterator[Sms]:
    """Every message that matches, newest first, without holding them all."""
    query = select(t.sms).where(*_conditions(connection, wanted)).order_by(t.sms.c.id.desc())
    result = await connection.stream(query.execution_options(yield_per=500))
    async for row in result:
        yield sms_of(row)


async def list_conversations(
    connection: AsyncConnection,
    *,
    device_id: str | None = None,
    search: str | None = None,
    limit: int,
    before: int | None = None,
) -> Page[tuple[Sms, int]]:
    """Conversations by their newest message: that message, and how many there are."""
    talks = t.conversations
    query: Select[Any] = select(t.sms, talks.c.n_messages).join(talks, talks.c.last_sms_id == t.sms.c.id)
    if device_id is not None:
        query = query.where(talks.c.device_id == device_id)
    if search:
        query = query.where(talks.c.peer.icontains(search, autoescape=True))
    if before is not None:
        query = query.where(talks.c.last_sms_id < before)
    query = query.order_by(talks.c.last_sms_id.desc()).limit(limit + 1)
    rows = [(sms_of(row), row.n_messages) for row in await connection.execute(query)]
    has_more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1][0].id if has_more else None)


async def delete_sms(connection: AsyncConnection, sms: Sms) -> None:
    """Remove a message, the fact that told it, what it was joined of, and its place in the conversation."""
    parts = t.sms_parts.c
    of_it = (parts.device_id == sms.device_id) & (parts.sender == sms.sender)
    await connection.execute(delete(t.sms_parts).where(of_it, parts.received_at <= sms.received_at))
    await connection.execute(delete(t.sms).where(t.sms.c.id == sms.id))
    await connection.execute(delete(t.events).where(t.events.c.seq == sms.id))
    talks = t.conversations
    same_talk = and_(talks.c.device_id == sms.device_id, talks.c.peer == sms.peer)
    newest = (
        select(func.max(t.sms.c.id))
        .where(t.sms.c.device_id == sms.device_id, t.sms.c.peer == sms.peer)
        .scalar_subquery()
    )
    last_sms_id = (await connection.execute(select(newest))).scalar()
    if last_sms_id is None:
        await connection.execute(delete(talks).where(same_talk))
        return
    changes = {"last_sms_id": last_sms_id, "n_messages": talks.c.n_messages - 1}
    await connection.execute(update(talks).where(same_talk).values(changes))


def _conditions(connection: AsyncConnection, wanted: SmsFilter) -> list[ColumnElement[bool]]:
    sms = t.sms.c
    exact = {
        sms.device_id: wanted.device_id,
        sms.slot_index: wanted.slot_index,
        sms.peer: wanted.peer,
        sms.direction: wanted.direction,
    }
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in exact.items() if value is not None
    ]
    if wanted.from_at is not None:
        conditions.append(sms.received_at >= wanted.from_at)
    if wanted.to_at is not None:
        conditions.append(sms.received_at < wanted.to_at)
    terms = (wanted.search or "").split()[:_MOST_TERMS]
    contains = _contains_in_index if connection.dialect.name == "sqlite" else _contains
    return conditions + [contains(term) for term in terms]


def _contains(term: str) -> ColumnElement[bool]:
    columns = (t.sms.c.message, t.sms.c.sender, t.sms.c.recipient)
    return or_(*(column.icontains(term, autoescape=True) for column in columns))


def _contains_in_index(term: str) -> ColumnElement[bool]:
    """SQLite's trigram index answers for terms of three characters and more."""
    if len(term) < _SHORTEST_INDEXED_TERM:
        columns = (t.sms.c.message, t.sms.c.sender, t.sms.c.recipient)
        return or_(*(column.contains(each, autoescape=True) for column in columns for each in _cases(term)))
    quoted = '"' + term.replace('"', '""') + '"'
    phrase: BindParameter[str] = bindparam("phrase", quoted, unique=True)
    found = text("SELECT rowid FROM sms_fts WHERE sms_fts MATCH :phrase").bindparams(phrase)
    return t.sms.c.id.in_(found.columns(t.sms.c.id))


def _cases(term: str) -> list[str]:
    """The term with each letter in either case; SQLite's LIKE knows the two cases of ASCII only."""
    either = [{case for case in (sign.lower(), sign.upper()) if len(case) == 1} or {sign} for sign in term]
    return ["".join(signs) for signs in product(*either)]
