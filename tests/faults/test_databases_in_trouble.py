"""The disk is full, somebody holds the lock, connections die: 503, then all is well again without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time

from tests.crash.load import Device, Load
from tests.crash.test_kills import all_must_be_there, devices_must_not_be_behind
from tests.faults.disks import Disk
from tests.faults.sending import Gateway, is_refused, is_taken, must_be_our_trouble
from tests.following import Follower, eventually
from tests.live_fixtures import MakeServer, on_postgres
from tests.live_server import LiveServer

LOCKED_SECONDS = 8.0


def must_be_calm(server: LiveServer) -> None:
    assert server.is_running
    assert "Traceback" not in server.log, server.log[-4000:]


def test_on_a_full_disk_nothing_is_acknowledged_and_nothing_lost(make_server: MakeServer, disk: Disk) -> None:
    server = make_server(folder=disk.folder / "goip", LOG_LEVEL="warning").start()
    gateway = Gateway(server)
    for _ in range(20):
        assert gateway.send().status == 200
    follower = Follower(server)
    disk.fill(server)
    must_be_our_trouble(gateway.send_until(is_refused, size=4000))
    n_refused = gateway.n_sent
    for _ in range(5):
        must_be_our_trouble(gateway.repeat(n_refused, size=4000))
    must_be_our_trouble(gateway.beat(batteryLevel=3, name="x" * 100))
    assert server.get("/api/sms", server.admin).status == 200, "what is there can be read"
    assert server.get("/api/health").json["status"] == "degraded"
    assert server.get("/api/health/live").status == 200
    disk.free(server)
    assert gateway.send_until(is_taken).status == 200
    assert gateway.beat(batteryLevel=4).status == 200
    eventually(lambda: server.get("/api/health").json["status"], lambda status: status == "ok")
    gateway.must_all_be_there()
    while follower.poll():
        pass
    assert {sms["id"] for sms in follower.of("sms-received")} <= gateway.acknowledged
    server.restart()
    gateway.must_all_be_there()
    must_be_calm(server)


def test_while_another_process_holds_the_lock_gateways_are_told_to_come_again(
    make_server: MakeServer,
) -> None:
    server = make_server(LOG_LEVEL="warning").start()
    gateway = Gateway(server)
    assert gateway.send().status == 200
    assert server.admin, "somebody is logged in"
    path = server.database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked_at = time.monotonic()
        answer = gateway.send()
        must_be_our_trouble(answer)
        assert time.monotonic() - locked_at < LOCKED_SECONDS, "soon enough for a gateway to wait for it"
        assert server.get("/api/sms", server.admin).status == 200, "readers do not wait"
        assert server.get("/api/health").json["status"] == "degraded"
        eventually(lambda: time.monotonic() - locked_at > LOCKED_SECONDS, timeout=LOCKED_SECONDS + 1)
        other.execute("ROLLBACK")
    assert gateway.send_until(is_taken, timeout=15).status == 200
    eventually(lambda: server.get("/api/health").json["status"], lambda status: status == "ok")
    gateway.must_all_be_there()
    must_be_calm(server)


def test_a_lock_of_a_moment_is_waited_for(make_server: MakeServer) -> None:
    server = make_server().start()
    gateway = Gateway(server)
    path = server.database_url.removeprefix("sqlite:///")
    for _ in range(5):
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        assert gateway.send().status == 200


async def test_when_postgresql_ends_our_connections_nothing_acknowledged_is_lost(
    make_server: MakeServer, postgres_database: str
) -> None:
    server = make_server(postgres_database, LOG_LEVEL="warning")
    await asyncio.to_thread(server.start)
    devices = [Device(name, server.enrol(name)) for name in (f"box-{n}" for n in range(4))]
    load = Load(server, devices, server.state()["cursor"])
    working = asyncio.create_task(load.run())
    chance = random.Random(3)
    for _ in range(6):
        await asyncio.sleep(chance.uniform(0.3, 0.8))
        await asyncio.to_thread(terminate_all, postgres_database)
    await asyncio.sleep(0.5)
    assert not working.done(), working.exception()
    n_before = len(load.ledger.message_ids)
    async with asyncio.timeout(20):
        while len(load.ledger.message_ids) < n_before + 20:
            await asyncio.sleep(0.1)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    await load.deliver_the_rest()
    await asyncio.to_thread(devices_must_not_be_behind, server, devices)
    await asyncio.to_thread(all_must_be_there, server, load)
    must_be_calm(server)


def terminate_all(url: str) -> None:
    """End every connection to this database but the own."""
    on_postgres(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
        url.rpartition("/")[2],
    )
