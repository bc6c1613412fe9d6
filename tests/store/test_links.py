"""The process that commits to SQLite: what it does when it, or the server, or what is between them goes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from goip.errors import Unavailable
from goip.store import scribe
from goip.store import tables as t
from goip.store.links import SqliteLink
from goip.store.store import Store
from tests.store.lives import PATIENCE_SECONDS, all_rows, beat, enrol, receive

pytestmark = pytest.mark.timeout(60)


def link_of(store: Store) -> SqliteLink:
    link = store.database._link
    assert isinstance(link, SqliteLink)
    return link


def pid_of(store: Store) -> int:
    pid = link_of(store).pid
    assert pid is not None
    return pid


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)


async def test_one_that_is_killed_is_missed_and_replaced(sqlite_store: Store) -> None:
    store = sqlite_store
    await enrol(store)
    await receive(store, "one", message_id="one")
    killed = pid_of(store)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await receive(store, "two", message_id="two")
    await receive(store, "two", message_id="two")
    assert pid_of(store) != killed
    assert [row["message"] for row in await all_rows(store, t.sms)] == ["one", "two"]


async def test_one_that_is_killed_at_a_commit_loses_and_doubles_nothing(sqlite_store: Store) -> None:
    store = sqlite_store
    await enrol(store)
    names = [f"m{number}" for number in range(200)]
    for round_ in range(4):
        told = [
            asyncio.ensure_future(receive(store, f"{name} {round_}", message_id=f"{name} {round_}"))
            for name in names
        ]
        await asyncio.sleep(0.002 * round_)
        os.kill(pid_of(store), signal.SIGKILL)
        for each in await asyncio.gather(*told, return_exceptions=True):
            assert not isinstance(each, BaseException) or isinstance(each, Unavailable)
        for name in names:  # as a gateway does that was told to come again
            await receive(store, f"{name} {round_}", message_id=f"{name} {round_}")
    stored = sorted(row["message"] for row in await all_rows(store, t.sms))
    assert stored == sorted(f"{name} {round_}" for name in names for round_ in range(4))
    seqs = [row["seq"] for row in await all_rows(store, t.events)]
    assert len(set(seqs)) == len(seqs)


async def test_signals_that_are_meant_for_the_server_do_not_end_it(sqlite_store: Store) -> None:
    await enrol(sqlite_store)
    pid = pid_of(sqlite_store)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    await beat(sqlite_store, battery_level=3)
    assert pid_of(sqlite_store) == pid


async def test_it_ends_with_the_store(sqlite_store: Store) -> None:
    await enrol(sqlite_store)
    pid = pid_of(sqlite_store)
    await sqlite_store.close()
    assert not Path(f"/proc/{pid}").exists()


_SERVER = """
import asyncio, sys
from goip.store.store import Store
from tests.store.lives import enrol

async def main():
    store = Store(sys.argv[1])
    await store.open()
    await enrol(store)
    print(store.database._link.pid, file=sys.stderr, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SERVER, f"sqlite:///{tmp_path}/goip.db"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        pid = int(await asyncio.to_thread(server.stderr.readline))
        assert Path(f"/proc/{pid}").exists()
        server.kill()
    await until_gone(pid)


async def test_it_ends_quietly_where_nobody_hears_its_answer(tmp_path: Path) -> None:
    """The server was killed while it waited for it."""
    opening = scribe.Opening(
        path=str(tmp_path / "a.db"), busy_seconds=1, script="", statement="SELECT ?", n_parts=1
    )
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-S", scribe.__file__]
    with (
        theirs,
        subprocess.Popen(
            command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
        ) as process,
    ):
        theirs.close()
        ours.sendall(scribe.json.dumps(opening).encode() + b"\n")
        assert await asyncio.to_thread(ours.recv, 8) == b"[]\n"
        process.send_signal(signal.SIGSTOP)
        ours.sendall(scribe.sizes_of(1).pack(5) + b"whole")
        ours.close()
        process.send_signal(signal.SIGCONT)
        _, said = await asyncio.to_thread(process.communicate, timeout=PATIENCE_SECONDS)
    assert (said, process.returncode) == (b"", 0)


async def test_a_commit_that_came_in_half_is_none(tmp_path: Path) -> None:
    """The server was killed while it told it."""
    opening = scribe.Opening(
        path=str(tmp_path / "a.db"),
        busy_seconds=1,
        script="CREATE TABLE said (what)",
        statement="INSERT INTO said VALUES (?)",
        n_parts=1,
    )
    lines = scribe.json.dumps(opening).encode() + b"\n"
    whole, half = scribe.sizes_of(1).pack(5) + b"whole", scribe.sizes_of(1).pack(5) + b"hal"
    command = [sys.executable, "-I", "-S", scribe.__file__]
    done = await asyncio.to_thread(
        subprocess.run, command, input=lines + whole + half, capture_output=True, timeout=PATIENCE_SECONDS
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"[]\n[]\n", b"", 0)
    with scribe.sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT what FROM said").fetchall() == [("whole",)]


async def test_one_that_cannot_open_the_database_says_why(tmp_path: Path, sqlite_store: Store) -> None:
    link = link_of(sqlite_store)
    link._opening["path"] = str(tmp_path / "nowhere" / "goip.db")
    with pytest.raises(Unavailable, match="cannot be opened"):
        await enrol(sqlite_store)
    assert link.pid is None
    link._opening["path"] = str(sqlite_store.database.path)
    await enrol(sqlite_store)
