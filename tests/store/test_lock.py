"""One server a database: a second one would give the same `seq` to other changes."""

from __future__ import annotations

import asyncio
import gc

import pytest

from goip.errors import StartupError, Unavailable
from goip.store import tables as t
from goip.store.store import Store
from tests.store.lives import all_rows, crash, enrol, opened, receive, url_of
from tests.store.test_trouble import cut_links


async def test_a_second_server_is_refused_and_leaves_nothing_open(store: Store) -> None:
    with pytest.raises(StartupError, match="Another goip server is using"):
        await Store(url_of(store)).open()
    gc.collect()  # what it left open would be a warning now, and warnings are errors
    await enrol(store)


async def test_the_next_server_has_the_database_when_the_first_is_gone(store: Store) -> None:
    await crash(store)
    async with opened(store) as again:
        await enrol(again)
    async with opened(store) as again:
        assert len(again.fleet) == 1


async def test_a_start_that_fails_lets_go_of_the_database(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.close()

    async def failing(*_: object) -> None:
        raise StartupError("no")

    monkeypatch.setattr("goip.store.store.migrate", failing)
    with pytest.raises(StartupError, match="no"):
        await Store(url_of(store)).open()
    monkeypatch.undo()
    async with opened(store):
        pass


async def test_a_server_that_lost_its_link_does_not_let_a_second_one_in(store: Store) -> None:
    if store.database.is_sqlite:
        return  # its lock is a file's, and goes with the process only
    await enrol(store)
    await cut_links(store)
    async with asyncio.timeout(10):
        while True:
            try:
                await receive(store, "after", message_id="after")
                break
            except Unavailable:
                await asyncio.sleep(0.02)
    with pytest.raises(StartupError, match="Another goip server is using"):
        await Store(url_of(store)).open()


async def test_a_server_that_lost_its_link_to_a_quicker_one_writes_no_more(store: Store) -> None:
    if store.database.is_sqlite:
        return
    await enrol(store)
    await cut_links(store)
    async with opened(store) as second:
        with pytest.raises(Unavailable):  # by the link that it had kept
            await receive(store, "mine", message_id="mine")
        with pytest.raises(Unavailable, match="another goip server is using the database"):
            await receive(store, "mine", message_id="mine")
        assert store.writer.trouble == "another goip server is using the database"
        await receive(second, "its", message_id="its")
    async with asyncio.timeout(10):
        while store.writer.trouble is not None:
            await asyncio.sleep(0.05)
    await receive(store, "mine", message_id="mine")
    assert [row["message"] for row in await all_rows(store, t.sms)] == ["its", "mine"]
