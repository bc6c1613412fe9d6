"""Emulated boxes that lose, repeat and reorder packets and restart, under a server that is killed again and again.

Each message that a box was told is stored, and each that it went on repeating until it was told so, is stored once.
What a box gave up, as the real ones do after three repeats, or forgot when it restarted, is stored once or not at all.
GOIP_TEST_RUNS=20 makes more runs, each with a seed of its own; GOIP_TEST_SEED repeats those of a failure.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from goip.simulator.boxes import BoxOptions, Outcome
from tests.gateways.fleets import all_must_be_stored_once, live_through_kills
from tests.live_fixtures import running
from tests.live_server import ENROLMENT_KEY, LiveServer

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

N_RUNS = int(os.environ.get("GOIP_TEST_RUNS", "3"))
HTTP_RUNS = range(int(os.environ.get("GOIP_TEST_RUNS", "1")))
"""Of the makes that post."""
BAD_ROAD: dict[str, Any] = {"loss": 0.1, "repeat": 0.1, "reorder": 0.2}
UNTIL_TOLD = 1_000
"""Repeats of a box that does not give up."""


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One for all runs: their boxes have names of their own."""
    with running(LiveServer(tmp_path_factory.mktemp("server"), LOG_LEVEL="warning")) as server:
        yield server


@pytest.fixture
def server(shared_server: LiveServer) -> LiveServer:
    """It runs, also after a test that ended while it was down."""
    return shared_server if shared_server.is_running else shared_server.start()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Another one for each test and run."""
    seed = os.environ.get("GOIP_TEST_SEED") or secrets.token_hex(4)
    print(f"GOIP_TEST_SEED={seed}")
    return random.Random(f"{seed}:{request.node.name}")


def fleet(server: LiveServer, chance: random.Random, make: str, **changes: Any) -> BoxOptions:
    options: dict[str, Any] = {
        "udp_port": server.udp_port,
        "seed": chance.randrange(1_000_000),
        "interval_seconds": 1.0,
        "numbered": True,
        "grace_seconds": 90.0,
    }
    return BoxOptions(server.url, ENROLMENT_KEY, make, **options | BAD_ROAD | changes)


@pytest.mark.parametrize("_n_run", range(N_RUNS))
async def test_goip_boxes_on_a_bad_road_lose_and_double_nothing(
    server: LiveServer, chance: random.Random, _n_run: int
) -> None:
    patient = fleet(
        server,
        chance,
        "dbl",
        devices=3,
        lines=4,
        sms_per_minute=1_800,
        reboot_every=8,
        repeats=UNTIL_TOLD,
        pace=6,
    )
    as_they_are = fleet(server, chance, "dbl", devices=2, lines=2, sms_per_minute=300, reboot_every=5, pace=6)
    ledgers = await live_through_kills(server, chance, (patient, as_they_are), n_kills=2)
    all_must_be_stored_once(server, ledgers)
    told = ledgers[0]
    assert told.count(Outcome.GIVEN_UP) == 0
    assert told.certain.total() >= 60
    assert min(told.tally.n_lost, told.tally.n_doubled, told.tally.n_delayed, told.tally.n_repeated) > 0


@pytest.mark.parametrize("_n_run", HTTP_RUNS)
async def test_ejoin_boxes_on_a_bad_road_lose_and_double_nothing(
    server: LiveServer, chance: random.Random, _n_run: int
) -> None:
    boxes = fleet(
        server, chance, "ejoin", devices=4, sms_per_minute=1_200, reboot_every=5, repeats=UNTIL_TOLD, pace=20
    )
    [told] = ledgers = await live_through_kills(server, chance, (boxes,), n_kills=1)
    all_must_be_stored_once(server, ledgers)
    assert told.count(Outcome.GIVEN_UP) == 0
    assert min(told.tally.n_lost, told.tally.n_doubled, told.tally.n_repeated) > 0


@pytest.mark.parametrize("_n_run", HTTP_RUNS)
async def test_phones_on_a_bad_road_lose_and_double_nothing(
    server: LiveServer, chance: random.Random, _n_run: int
) -> None:
    # Their waits double: on a worse road one of many would take minutes.
    phones = fleet(
        server, chance, "capcom6", devices=4, sms_per_minute=400, reboot_every=5, pace=500, loss=0.05
    )
    [told] = ledgers = await live_through_kills(server, chance, (phones,), n_kills=1, n_messages=20)
    all_must_be_stored_once(server, ledgers)
    assert told.count(Outcome.GIVEN_UP) == 0
    assert told.count(Outcome.FORGOTTEN) == 0
    assert min(told.tally.n_lost, told.tally.n_doubled, told.tally.n_repeated) > 0


@pytest.mark.parametrize("_n_run", HTTP_RUNS)
async def test_dinstar_boxes_on_a_bad_road_lose_and_double_nothing(
    server: LiveServer, chance: random.Random, _n_run: int
) -> None:
    # Whether they repeat is not written anywhere. One that does not loses what it was not answered for; what it
    # was answered for is stored.
    patient = fleet(
        server,
        chance,
        "dinstar",
        devices=4,
        sms_per_minute=1_200,
        reboot_every=5,
        repeats=UNTIL_TOLD,
        pace=20,
    )
    tells_once = fleet(server, chance, "dinstar", devices=2, sms_per_minute=300, reboot_every=5, repeats=0)
    ledgers = await live_through_kills(server, chance, (patient, tells_once), n_kills=1)
    all_must_be_stored_once(server, ledgers)
    told = ledgers[0]
    assert told.count(Outcome.GIVEN_UP) == 0
    assert min(told.tally.n_lost, told.tally.n_doubled, told.tally.n_repeated) > 0


@pytest.mark.parametrize("_n_run", HTTP_RUNS)
async def test_apps_and_relays_on_a_bad_road_lose_and_double_nothing(
    server: LiveServer, chance: random.Random, _n_run: int
) -> None:
    changes: dict[str, Any] = {"devices": 2, "reboot_every": 3}
    # Waits that double take long for one of many messages: so those apps give up, as the real ones do.
    doubling = [
        fleet(server, chance, make, sms_per_minute=150, repeats=10, pace=1_000, **changes)
        for make in ("httpsms", "forwarder", "textbee")
    ]
    steady = [
        fleet(server, chance, make, sms_per_minute=400, repeats=UNTIL_TOLD, pace=500, **changes)
        for make in ("smssync", "kannel", "jasmin")
    ]
    ledgers = await live_through_kills(server, chance, doubling + steady, n_kills=1, n_messages=60)
    all_must_be_stored_once(server, ledgers)
    for told in ledgers:
        assert told.certain.total() > 0
        assert told.count(Outcome.FORGOTTEN) == told.count(Outcome.REFUSED) == 0
        assert told.count(Outcome.GIVEN_UP) == 0 or told.options in doubling
    assert min(sum(told.tally.n_lost for told in ledgers), sum(told.tally.n_doubled for told in ledgers)) > 0
