"""Sessions, as the stock client of the field watches them: `registerSession`, `progress`, then the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Way
from tests.contract.shapes import PROGRESS
from tests.contract.stock_client import StockClients
from tests.live_server import LiveServer


def start(server: LiveServer, **fields: Any) -> str:
    answer = server.post("/api/test/job", {"seconds": 0.6, "total": 100} | fields, server.admin).must(202)
    return str(answer["sessionId"])


@pytest.mark.parametrize(("fields", "end"), [({}, "complete"), ({"failAt": 50}, "error")])
def test_a_job_is_told_to_its_end_and_to_who_registers_after_it(
    server: LiveServer, clients: StockClients, way: Way, fields: dict[str, Any], end: str
) -> None:
    session = start(server, **fields)
    socket = way.connect(clients, server, server.admin)
    ack = socket.call("registerSession", session)
    assert ack == {"ok": True, "room": f"session-{session}", "sessionId": session}
    told = socket.wait_for(end)
    assert set(told) == PROGRESS
    late = way.connect(clients, server, server.admin)
    late.call("registerSession", session)
    assert late.wait_for(end) == told
    names = [name for name, _ in late.happened]
    assert "progress" not in names


def test_somebody_elses_session_and_one_that_never_was_are_refused_alike(
    server: LiveServer, clients: StockClients, way: Way
) -> None:
    session = start(server)
    socket = way.connect(clients, server, server.add_user("operator"))
    answers = [socket.call("registerSession", asked) for asked in (session, "never-was")]
    assert answers[0] == answers[1]
    assert (answers[0]["ok"], answers[0]["code"]) == (False, "unknown_session")
