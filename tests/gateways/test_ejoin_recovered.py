"""A server that is killed while messages come in at an emulated Ejoin box, which tells each of them once.

What its pushes could not tell is still in its memory: the next server reads it there, and says so.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from goip.simulator.boxes import BoxOptions, Message, Outcome, emulate
from goip.simulator.identities import make_mac
from tests.following import walk
from tests.gateways.fleets import Ledger, all_must_be_stored_once
from tests.live_fixtures import running
from tests.live_server import ENROLMENT_KEY, LiveServer, free_port

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

SEED = 4_711
BOX = make_mac(SEED, 0)
N_MISSED = 12
N_UNDER_WAY = 10


async def until_recovered(server: LiveServer) -> int:
    """How many messages the device's timeline says were recovered, once it says so."""
    async with asyncio.timeout(60):
        while True:
            page: Any = await asyncio.to_thread(
                lambda: server.get(f"/api/devices/{BOX}/events", server.admin).must()
            )
            told = [each["data"] for each in page["events"] if each["event"] == "sms-recovered"]
            if told:
                return sum(data["nMessages"] for data in told)
            await asyncio.sleep(0.05)


async def test_what_a_box_could_not_push_is_recovered_from_its_memory(tmp_path: Path) -> None:
    port = free_port()
    with running(LiveServer(tmp_path, EJOIN=f"{BOX}=http://root:root@127.0.0.1:{port}")) as server:
        options = BoxOptions(
            server.url,
            ENROLMENT_KEY,
            "ejoin",
            seed=SEED,
            interval_seconds=1.0,
            sms_per_minute=900,
            repeats=0,
            numbered=True,
            listen_port=port,
        )
        ledger, decided, stop = Ledger(options), asyncio.Event(), asyncio.Event()

        def take(message: Message, outcome: Outcome) -> None:
            ledger.take(message, outcome)
            decided.set()

        async def until_decided(outcome: Outcome, n: int) -> None:
            async with asyncio.timeout(60):
                while ledger.count(outcome) < n:
                    decided.clear()
                    await decided.wait()

        async def live() -> None:
            ledger.tally = await emulate(options, on_outcome=take, stop=stop)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live())
            await until_decided(Outcome.ACKNOWLEDGED, 10)
            server.kill()
            n_at_kill = ledger.count(Outcome.GIVEN_UP)
            await until_decided(Outcome.GIVEN_UP, n_at_kill + N_UNDER_WAY + N_MISSED)
            await asyncio.to_thread(server.start)
            n_recovered = await until_recovered(server)
            await until_decided(Outcome.ACKNOWLEDGED, ledger.count(Outcome.ACKNOWLEDGED) + 10)
            stop.set()
        all_must_be_stored_once(server, [ledger])
        assert len(walk(server, "/api/sms", "messages")) == ledger.possible.total()
        assert n_recovered >= N_MISSED
        # What was under way when the server was killed may be stored; what comes while it is read may be read first.
        assert abs(n_recovered - ledger.count(Outcome.GIVEN_UP)) <= N_UNDER_WAY
