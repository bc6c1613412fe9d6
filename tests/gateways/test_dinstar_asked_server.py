"""Newer Dinstar boxes at a real server that asks them, as the settings say."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from goip.simulator.boxes import BoxOptions, Outcome
from tests.following import walk
from tests.gateways.dinstar_asked import SERIAL
from tests.live_fixtures import MakeServer
from tests.live_server import ENROLMENT_KEY, LiveServer, free_port
from tests.simulator.listeners import Running

pytestmark = pytest.mark.timeout(120)


def box_at(server: LiveServer, port: int, **changes: Any) -> Running:
    """An emulated box that pushes to the server and can be asked at that port."""
    told: dict[str, Any] = {
        "lines": 2,
        "seed": 5,
        "interval_seconds": 0.1,
        "sms_per_minute": 0.0,
        "pace": 10.0,
    }
    return Running(BoxOptions(server.url, ENROLMENT_KEY, "dinstar", listen_port=port, **told | changes))


async def test_a_box_that_is_asked_and_pushes_is_one_device(make_server: MakeServer) -> None:
    port = free_port()
    server = make_server(DINSTAR=f"{SERIAL}=http://admin:admin@127.0.0.1:{port}")
    box = box_at(server, port, repeats=1_000)
    await box.until(lambda: box.tally.events.n_sent)
    await asyncio.to_thread(server.start)
    await box.until(lambda: box.tally.events.n_acknowledged)
    await box.until(lambda: server.device(SERIAL)["intervalSeconds"] == 75)
    device = server.device(SERIAL)
    assert (device["make"], device["status"]) == ("dinstar", "online")
    assert [slot["slotIndex"] for slot in device["simSlots"]] == [0, 1]
    frames = server.get(f"/api/devices/{SERIAL}/frames", server.admin).must()["frames"]
    asked = [frame for frame in frames if (frame["head"] or "").startswith("GET /api/get_port_info")]
    assert [frame["direction"] for frame in asked] == ["out"]
    assert "Digest" not in str(frames)
    await box.end()
    assert server.stop() == 0


async def test_what_a_box_heard_while_the_server_was_down_is_recovered(make_server: MakeServer) -> None:
    port = free_port()
    server = make_server(DINSTAR=f"{SERIAL}=http://admin:admin@127.0.0.1:{port}")
    # A box that is told nothing by anybody gives each message up at once.
    box = box_at(server, port, sms_per_minute=600.0, repeats=0, numbered=True)
    await asyncio.to_thread(server.start)
    await box.until(lambda: said(box, Outcome.ACKNOWLEDGED) >= 5)
    server.kill()
    n_lost = said(box, Outcome.GIVEN_UP)
    await box.until(lambda: said(box, Outcome.GIVEN_UP) >= n_lost + 5)
    await asyncio.to_thread(server.start)
    missed = {message.text for message, ended in box.outcomes if ended is Outcome.GIVEN_UP}
    await box.until(lambda: missed <= stored(server).keys())
    n_known = said(box, Outcome.ACKNOWLEDGED)
    await box.until(lambda: said(box, Outcome.ACKNOWLEDGED) >= n_known + 5)
    await box.end()
    assert stored(server) == Counter(message.text for message, _ in box.outcomes)
    assert sum(recovered(server)) >= 5
    assert server.stop() == 0


def stored(server: LiveServer) -> Counter[str]:
    return Counter(sms["message"] for sms in walk(server, "/api/sms", "messages"))


def said(box: Running, outcome: Outcome) -> int:
    """How many messages ended so for the box."""
    return sum(1 for _, ended in box.outcomes if ended is outcome)


def recovered(server: LiveServer) -> list[int]:
    """How many messages were told as recovered, each time."""
    events = server.get(f"/api/devices/{SERIAL}/events", server.admin).must()["events"]
    return [each["data"]["nMessages"] for each in events if each["event"] == "sms-recovered"]
