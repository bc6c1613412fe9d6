"""Connections to either database: the settings they are opened with."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from goip.store.engine import Database
from goip.store.store import Store
from tests.store.lives import enrol, receive

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_every_connection_to_sqlite_is_durable_and_checks_keys(sqlite_store: Store) -> None:
    engines = (sqlite_store.database.writer_engine, sqlite_store.database.reader_engine)
    for engine in engines:
        async with engine.connect() as connection:
            found = {
                name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in PRAGMAS
            }
        assert found == PRAGMAS


async def test_deleting_a_device_takes_its_slots_and_keys_along(store: Store) -> None:
    await enrol(store)
    async with store.database.writing() as connection:
        await connection.execute(text("DELETE FROM devices"))
        left = [
            (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar()
            for name in ("slots", "keys")
        ]
    assert left == [0, 0]


async def test_texts_of_every_script_come_back_as_they_were(store: Store) -> None:
    await enrol(store)
    message = (
        "ÄÖ é \u0301 Ж 验证码 رمز 👩‍👩‍👧‍👦 \u202e \u200b \x01 \r\n\t 'quoted' \"twice\" \\ %s :name $1 ?"
    )
    sms = (await receive(store, message, sender=message, message_id=message)).sms
    assert sms.message == message
    async with store.reading() as connection:
        row = (await connection.execute(text("SELECT message, sender FROM sms"))).one()
    assert row == (message, message)
    assert (await receive(store, message, sender=message, message_id=message)).is_repeat


@pytest.mark.parametrize("url", ["postgres://root@127.0.0.1/goip", "postgresql://root@127.0.0.1/goip"])
async def test_both_names_of_postgresql_mean_it(url: str) -> None:
    database = Database(url)
    assert (database.kind, database.path) == ("postgresql", None)
    await database.close()


async def test_a_path_may_be_relative_and_hold_spaces(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    store = Store("sqlite:///my data/goip 1.db")
    await store.open()
    await store.close()
    assert store.database.path is not None
    assert store.database.path.resolve().is_file()
