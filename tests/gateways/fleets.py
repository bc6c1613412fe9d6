"""Emulated boxes on a bad road to a server that is killed and started again under them, and what they remember."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

from goip.simulator.boxes import BoxOptions, BoxTally, Message, Outcome, emulate
from tests.following import walk
from tests.live_server import LiveServer

LONGEST_SECONDS = 150.0

Key = tuple[str, str, str]
"""Device, sender and text of a message. Texts are numbered; an equal one is sent on purpose now and then."""


class Ledger:
    """What became of the messages of one fleet, by what its boxes know."""

    def __init__(self, options: BoxOptions) -> None:
        self.options = options
        self.tally = BoxTally(0, 0)
        self._by_outcome: dict[Outcome, Counter[Key]] = {outcome: Counter() for outcome in Outcome}

    @property
    def certain(self) -> Counter[Key]:
        """What the server said it has."""
        return self._by_outcome[Outcome.ACKNOWLEDGED]

    @property
    def possible(self) -> Counter[Key]:
        """All that was ever sent."""
        return sum(self._by_outcome.values(), Counter())

    def count(self, outcome: Outcome) -> int:
        return self._by_outcome[outcome].total()

    def take(self, message: Message, outcome: Outcome) -> None:
        self._by_outcome[outcome][message.device_id, message.sender, message.text] += 1

    def see(self, tally: BoxTally) -> None:
        self.tally = tally

    def __str__(self) -> str:
        outcomes = ", ".join(f"{outcome.value} {self.count(outcome)}" for outcome in Outcome)
        tally = self.tally
        return (
            f"{self.options.make}, seed {self.options.seed}: {outcomes}; repeated {tally.n_repeated}, "
            f"lost on purpose {tally.n_lost}, restarts {tally.n_reboots}"
        )


async def live_through_kills(
    server: LiveServer,
    chance: random.Random,
    fleets: Sequence[BoxOptions],
    *,
    n_kills: int,
    n_messages: int = 50,
) -> list[Ledger]:
    """Let the fleets live while the server is killed so often, after about `n_messages` each time.

    At the end each fleet has had a restart of its own, and has finished what it had to send.
    """
    ledgers = [Ledger(options) for options in fleets]
    n_decided = asyncio.Semaphore(0)
    stop = asyncio.Event()

    async def live(ledger: Ledger) -> None:
        def take(message: Message, outcome: Outcome) -> None:
            ledger.take(message, outcome)
            if outcome is Outcome.ACKNOWLEDGED:
                n_decided.release()

        ledger.tally = await emulate(ledger.options, on_outcome=take, on_progress=ledger.see, stop=stop)

    async with asyncio.timeout(LONGEST_SECONDS), asyncio.TaskGroup() as lives:
        for ledger in ledgers:
            lives.create_task(live(ledger))
        for n_kill in range(n_kills + 1):
            for _ in range(round(n_messages * chance.uniform(0.6, 1.4))):
                await n_decided.acquire()
            if n_kill < n_kills:
                await asyncio.sleep(chance.uniform(0, 0.05))  # not only right after an acknowledgement
                server.kill()
                await asyncio.to_thread(server.start)
        while not all(ledger.tally.n_reboots for ledger in ledgers):
            await asyncio.sleep(0.05)
        stop.set()
    return ledgers


def all_must_be_stored_once(server: LiveServer, ledgers: Sequence[Ledger]) -> None:
    """What the server has against what the boxes know: nothing acknowledged is missing, and nothing is doubled."""
    messages = walk(server, "/api/sms", "messages")
    for ledger in ledgers:
        print(ledger)
        devices = {device_id for device_id, _, _ in ledger.possible}
        stored = Counter(
            (each["deviceId"], each["sender"], each["message"])
            for each in messages
            if each["deviceId"] in devices
        )
        assert ledger.certain - stored == Counter(), "acknowledged, and not there"
        assert stored - ledger.possible == Counter(), "doubled, or never sent"
        assert ledger.count(Outcome.OPEN) == 0, "the boxes had not finished"
    assert server.state()["stats"]["totalSms"] == len(messages)
