"""The disk is full, the database is locked, the link is cut: a 503 that is meant, nothing lost, and back by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from goip.errors import Unavailable
from goip.store import engine, writer
from goip.store import tables as t
from goip.store.store import Store
from tests.store.lives import PATIENCE_SECONDS, Ear, all_rows, beat, enrol, opened, receive, url_of

pytestmark = pytest.mark.timeout(60)


async def until_it_works(store: Store, message: str) -> None:
    """Send a message again and again, as a gateway does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await receive(store, message, message_id=message)
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def refused(store: Store, message: str) -> Unavailable:
    with pytest.raises(Unavailable) as refusal:
        await asyncio.wait_for(receive(store, message, message_id=message), PATIENCE_SECONDS)
    assert refusal.value.status == 503
    assert refusal.value.code == "storage_unavailable"
    assert refusal.value.retry_after_seconds
    return refusal.value


async def messages(store: Store) -> list[str]:
    return [row["message"] for row in await all_rows(store, t.sms)]


# ---- locked ----


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another process has the file for itself."""
    with closing(sqlite3.connect(store.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_database_that_another_process_locks_is_unavailable_until_it_lets_go(
    sqlite_store: Store,
) -> None:
    store = sqlite_store
    await enrol(store)
    ear = Ear(store)
    seq = store.fleet.seq
    with locked(store):
        assert "locked by another process" in (await refused(store, "one")).message
        assert store.writer.trouble == "the database is locked by another process"
    await until_it_works(store, "two")
    assert store.writer.trouble is None
    assert await messages(store) == ["two"]
    assert [event.data["message"] for event in ear.named("sms-received")] == ["two"]  # type: ignore[index]
    assert ear.named("sms-received")[0].seq == seq + 1  # what was refused took no place


async def test_reading_goes_on_while_another_process_locks_the_database(sqlite_store: Store) -> None:
    await enrol(sqlite_store)
    with locked(sqlite_store):
        assert len(await all_rows(sqlite_store, t.devices)) == 1


async def test_work_meets_a_locked_database_with_the_same_words(sqlite_store: Store) -> None:
    with locked(sqlite_store), pytest.raises(Unavailable, match="locked by another process"):
        await sqlite_store.setting("name", lambda: "value")
    assert await sqlite_store.setting("name", lambda: "value") == "value"


async def test_what_is_folded_while_the_database_is_locked_is_not_lost(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite_store
    await enrol(store, battery_level=1)
    await beat(store, battery_level=2)
    with locked(store):
        monkeypatch.setattr("goip.store.fold.FOLD_AFTER_SECONDS", 0.0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while store.writer.trouble is None:
                await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await all_rows(store, t.devices))[0]["battery_level"] != 2:
            await asyncio.sleep(0.01)
    assert sum(row["n_beats"] for row in await all_rows(store, t.heartbeat_rollups)) == 2


# ---- full ----


@asynccontextmanager
async def full(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The disk has no room for another page."""
    database = store.database
    with closing(sqlite3.connect(database.path)) as other:
        (n_pages,) = other.execute("PRAGMA page_count").fetchone()
    roomy = database._link
    with monkeypatch.context() as patch:
        patch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, f"max_page_count={n_pages}"))
        full = database._link = database._new_link()
    yield
    database._link = roomy
    await full.close()


async def test_a_full_disk_is_unavailable_until_there_is_room(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite_store
    await enrol(store)
    await receive(store, "before", message_id="before")
    long = "x" * 50_000
    async with full(store, monkeypatch):
        assert (await refused(store, long)).message == "the disk is full"
        assert store.writer.trouble == "the disk is full"
        assert await messages(store) == ["before"]
    await until_it_works(store, long)
    assert store.writer.trouble is None
    assert await messages(store) == ["before", long]
    await store.close()
    async with opened(store) as again:
        assert await messages(again) == ["before", long]


async def test_trouble_is_told_as_long_as_nothing_can_be_written(sqlite_store: Store) -> None:
    """The idle writer has nothing to write: that it meets no error then says nothing of the disk."""
    store = sqlite_store
    await enrol(store)
    with locked(store):
        await refused(store, "one")
        until = asyncio.get_running_loop().time() + 3 * writer._TICK_SECONDS
        while asyncio.get_running_loop().time() < until:
            assert store.writer.trouble is not None
            await asyncio.sleep(0.05)


async def test_trouble_that_is_over_is_over_without_anybody_asking(sqlite_store: Store) -> None:
    store = sqlite_store
    await enrol(store)
    with locked(store):
        await refused(store, "one")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while store.writer.trouble is not None:
            await asyncio.sleep(0.02)


# ---- links that are cut ----


async def cut_links(store: Store, spared: int = 0) -> int:
    """The server ends every connection to this database but the one that asks, and the one of that pid."""
    import asyncpg

    connection = await asyncpg.connect(url_of(store))
    try:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), $1)",
            spared,
        )
        return len(ended)
    finally:
        await connection.close()


async def test_links_that_were_cut_are_made_again(postgres_store: Store) -> None:
    store = postgres_store
    await enrol(store)
    await asyncio.gather(*(all_rows(store, t.devices) for _ in range(3)))
    assert await cut_links(store) >= 3
    await until_it_works(store, "after")
    assert await messages(store) == ["after"]
    assert store.writer.trouble is None


async def test_a_link_that_is_cut_in_the_middle_of_a_commit_is_unavailable(postgres_store: Store) -> None:
    store = postgres_store
    await enrol(store)
    async with _locked_table(store) as locker:
        waiting = asyncio.ensure_future(receive(store, "one", message_id="one"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await _waiting_for_locks(store) == 0:
                await asyncio.sleep(0.01)
        await cut_links(store, spared=locker)  # with the lock gone first, the commit would go through
        with pytest.raises(Unavailable):
            await waiting
    await until_it_works(store, "one")
    assert await messages(store) == ["one"]


@asynccontextmanager
async def _locked_table(store: Store) -> AsyncIterator[int]:
    """Nobody can write messages meanwhile; yields the pid of the backend that holds the lock."""
    import asyncpg

    connection = await asyncpg.connect(url_of(store))
    await connection.execute("BEGIN; LOCK TABLE sms IN EXCLUSIVE MODE")
    try:
        yield connection.get_server_pid()
    finally:
        connection.terminate()


async def _waiting_for_locks(store: Store) -> int:
    import asyncpg

    connection = await asyncpg.connect(url_of(store))
    try:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def test_a_commit_whose_answer_is_lost_stops_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on disk and nobody knows: the gateway is told to come again, and is then told of a repeat."""
    await enrol(store)
    ear = Ear(store)
    real = engine.Database.commit

    async def lossy(*arguments: Any) -> None:
        await real(*arguments)
        raise ConnectionResetError("the link was cut")

    monkeypatch.setattr(engine.Database, "commit", lossy)
    await refused(store, "one")
    monkeypatch.setattr(engine.Database, "commit", real)
    await until_it_works(store, "two")
    outcome = await receive(store, "one", message_id="one")
    assert outcome.is_repeat
    assert sorted(await messages(store)) == ["one", "two"]
    seqs = [row["seq"] for row in await all_rows(store, t.events)]
    assert len(set(seqs)) == len(seqs)
    assert {event.data["message"] for event in ear.named("sms-received")} == {"one", "two"}  # type: ignore[index]


# ---- words ----


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("database is locked"), "the database is locked by another process"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "read-only"),
        (sqlite3.DatabaseError("database disk image is malformed"), "restore a backup"),
        (sqlite3.DatabaseError("file is not a database"), "restore a backup"),
        (sqlite3.OperationalError("disk I/O error"), "the disk reports an error"),
        (OSError(28, "No space left on device"), "the disk is full"),
        (ConnectionRefusedError(111, "Connect call failed"), "does not answer"),
        (TimeoutError(), "does not answer"),
    ],
)
def test_trouble_is_told_in_words_for_an_operator(error: Exception, words: str) -> None:
    assert engine.is_trouble(error)
    assert words in engine.describe_trouble(error)


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.IntegrityError("UNIQUE constraint failed"),
        sqlite3.ProgrammingError("binding 1 has no value"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        OverflowError("int too large"),
        ValueError("a defect"),
    ],
)
def test_a_bad_value_and_a_defect_are_no_trouble(error: Exception) -> None:
    assert not engine.is_trouble(error)


async def test_a_query_that_cannot_be_answered_now_is_unavailable(store: Store) -> None:
    async def ask() -> None:
        async with store.reading():
            raise ConnectionResetError("the link was cut")

    with pytest.raises(Unavailable) as refusal:
        await ask()
    assert (refusal.value.status, refusal.value.code) == (503, "storage_unavailable")


async def test_a_defect_in_a_query_stays_a_defect(store: Store) -> None:
    async def ask() -> None:
        async with store.reading() as connection:
            await connection.execute(text("SELECT 1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ask()
