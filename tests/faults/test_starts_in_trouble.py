"""A start that cannot go well ends with exit code 1 and a sentence for people, and changes nothing."""

from __future__ import annotations

import contextlib
import random
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.disks import SmallTmpfs, mounted_tmpfs, small_disk
from tests.faults.sending import Gateway
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer


def must_refuse_to_start(server: LiveServer, *words: str) -> str:
    """It ends by itself with 1, and says why."""
    seen = len(server.log)
    server.launch()
    code = server.wait_for_end()
    said = server.log[seen:]
    assert code == 1, (code, said)
    assert "Traceback" not in said, said
    assert "goip:" in said, said
    for word in words:
        assert word.lower() in said.lower(), said
    return said


def database_path(server: LiveServer) -> Path:
    return Path(server.database_url.removeprefix("sqlite:///"))


@pytest.fixture
def used(make_server: MakeServer) -> LiveServer:
    """A server that was stopped after it had stored something."""
    server = make_server().start()
    gateway = Gateway(server)
    for _ in range(30):
        gateway.send(size=500)
    server.stop()
    return server


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def text(path: Path) -> None:
    path.write_text("this is no database\n" * 500)


def all_but_the_first_page(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4096] + random.Random(1).randbytes(len(data) - 4096))


@pytest.mark.parametrize("damage", [garbage, half, text, all_but_the_first_page])
def test_a_damaged_database_is_named_and_left_as_it_is(
    damage: Callable[[Path], None], used: LiveServer
) -> None:
    path = database_path(used)
    damage(path)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    before = path.read_bytes()
    must_refuse_to_start(used, path.name)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(used: LiveServer) -> None:
    path = database_path(used)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    must_refuse_to_start(used, "newer")
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_a_taken_port_is_named(make_server: MakeServer) -> None:
    server = make_server()
    with contextlib.closing(socket.create_server(("127.0.0.1", server.port))):
        must_refuse_to_start(server, "port", str(server.port))
    assert server.start().is_running, "it starts as soon as the port is free"


def test_a_host_that_is_not_ours_is_named(make_server: MakeServer) -> None:
    must_refuse_to_start(make_server(HOST="203.0.113.77"), "203.0.113.77")


@pytest.mark.parametrize("where", ["/proc/goip/goip.db", "a file/goip.db"])
def test_a_folder_that_cannot_be_written_is_named(
    where: str, make_server: MakeServer, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    path = Path(where) if where.startswith("/") else tmp_path / where
    must_refuse_to_start(make_server(f"sqlite:///{path}"), str(path.parent))


def test_a_folder_on_a_read_only_disk_is_named(make_server: MakeServer, tmp_path: Path) -> None:
    with read_only(tmp_path / "disk") as (folder, lock):
        lock()
        must_refuse_to_start(make_server(f"sqlite:///{folder}/goip.db"), str(folder))


def test_a_database_that_may_only_be_read_is_named(make_server: MakeServer, tmp_path: Path) -> None:
    with read_only(tmp_path / "disk") as (folder, lock):
        server = make_server(f"sqlite:///{folder}/goip.db").start()
        server.stop()
        lock()
        must_refuse_to_start(server, "goip.db")


@contextlib.contextmanager
def read_only(folder: Path):  # type: ignore[no-untyped-def]
    """A folder, and what makes it read-only: the mode does where it binds, a mount does even for root."""
    folder.mkdir()
    with mounted_tmpfs(folder, 20_000_000) as is_mounted:

        def lock() -> None:
            if is_mounted:
                SmallTmpfs(folder).remount("ro")
                return
            for path in (*folder.iterdir(), folder):
                path.chmod(0o555)

        yield folder, lock
        folder.chmod(0o755) if not is_mounted else None


def test_a_first_start_on_a_full_disk_says_so_and_the_next_one_goes_well(
    make_server: MakeServer, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", n_bytes=1_000_000) as disk:
        if not isinstance(disk, SmallTmpfs):
            pytest.skip("nobody may mount a small disk here")
        filler = disk.folder / "filler"
        filler.write_bytes(bytes(960_000))
        server = make_server(f"sqlite:///{disk.folder}/goip.db")
        said = must_refuse_to_start(server, "full")
        assert "sqlalche" not in said, said
        filler.unlink()
        assert Gateway(server.start()).send().status == 200
        server.stop()


def test_a_second_server_on_the_same_file_is_refused(make_server: MakeServer) -> None:
    first = make_server().start()
    gateway = Gateway(first)
    second = make_server(first.database_url)
    said = must_refuse_to_start(second)
    assert "another goip server" in said.lower(), said
    assert gateway.send().status == 200, "the first one is not disturbed"
    first.kill()
    assert second.start().is_running, "a killed server leaves no lock behind"


def test_a_second_server_on_the_same_postgresql_is_refused(
    make_server: MakeServer, postgres_database: str
) -> None:
    first = make_server(postgres_database).start()
    gateway = Gateway(first)
    second = make_server(postgres_database)
    said = must_refuse_to_start(second)
    assert "another goip server" in said.lower(), said
    assert gateway.send().status == 200
    first.kill()
    assert second.start().is_running


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1:1/goip",
        "postgresql://nobody-of-that-name:x@127.0.0.1:5432/no_such_database",
        "mysql://127.0.0.1/goip",
        "not a url",
        "sqlite://",
    ],
)
def test_a_database_that_is_not_there_is_named_without_its_password(
    url: str, make_server: MakeServer
) -> None:
    url = url.replace(":x@", ":the-secret-password@")
    said = must_refuse_to_start(make_server(url))
    assert "the-secret-password" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("ENROLLMENT", "perhaps"),
        ("DEVICE_RATE", "-1"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str, make_server: MakeServer) -> None:
    must_refuse_to_start(make_server(**{name: value}), f"GOIP_{name}")
