"""Newer Dinstar boxes at a real server that asks them, as the settings say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from goip.simulator.boxes import BoxOptions
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
    box = box_at(server, port)
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
