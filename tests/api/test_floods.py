"""Who opens too many sockets is turned away before a request is made of it, and is told what the ordinary way tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from goip.api import middleware
from goip.api.appkeys import DOORS
from tests.api.quick_wire import Answer, Served, request, serving

BURST = 5
SOCKETS = ("/api/ws", "/api/socket/io/?EIO=4&transport=websocket", "/socket.io/?EIO=4&transport=websocket")
HANDSHAKE = "/api/socket/io/?EIO=4&transport=polling"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Ordinary:
    """How many requests were made of what came."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n = 0
        plain = middleware.request_id_of
        monkeypatch.setattr(middleware, "request_id_of", lambda headers: self._count() or plain(headers))

    def _count(self) -> None:
        self.n += 1


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A server where an address may open one connection a second, and five at once."""
    async with serving(f"sqlite:///{tmp_path / 'goip.db'}", connection_rate=1) as one:
        yield one


def get(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: goip\r\n{more}\r\n".encode()


async def ask(served: Served, path: str, more: str = "") -> Answer:
    """One request on a connection of its own."""
    async with served.wire() as wire:
        return await wire.ask(get(path, more))


async def spend(served: Served, more: str = "") -> None:
    """Open all that an address may at once."""
    assert [(await ask(served, HANDSHAKE, more)).status for _ in range(BURST)] == [200] * BURST


def what_it_says(answer: Answer) -> tuple[int, str, object]:
    body = {name: value for name, value in answer.body.items() if name != "requestId"}
    assert answer.headers["x-request-id"] == answer.body["requestId"]
    return answer.status, answer.headers["retry-after"], body


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_flood_is_refused_and_hung_up_on_without_a_request(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await spend(served)
    ordinary = Ordinary(monkeypatch)
    async with served.wire() as wire:
        refusal = await wire.ask(get(path, UPGRADE))
        assert (refusal.status, refusal.headers["connection"]) == (429, "close")
        assert await wire.is_closed()
    assert ordinary.n == 0
    assert (await ask(served, "/api/health/live")).status == 200
    assert ordinary.n == 1
    assert len(served.app[DOORS].homes) == 1  # and none more is counted


async def test_both_ways_say_the_same(served: Served) -> None:
    await spend(served)
    async with served.wire() as wire:
        assert (await wire.ask(get("/api/health/live"))).status == 200
        ordinary = await wire.ask(get(HANDSHAKE))  # no newcomer: the ordinary way refuses it
    quick = await ask(served, HANDSHAKE)
    assert "connection" not in ordinary.headers
    assert what_it_says(quick) == what_it_says(ordinary)
    assert quick.body["code"] == "rate_limited"


async def test_an_address_that_holds_as_many_as_it_may_is_told_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'goip.db'}"
    async with serving(url, connections_per_address=1) as served, served.wire() as holding:
        assert (await holding.ask(get("/api/ws", UPGRADE))).status == 101
        refusal = await ask(served, "/api/ws", UPGRADE)
        assert (refusal.status, refusal.headers["connection"]) == (429, "close")
        assert refusal.body["code"] == "too_many_connections"


async def test_what_belongs_to_a_session_is_no_newcomer(served: Served) -> None:
    await spend(served)
    async with served.wire() as wire:
        answer = await wire.ask(get(f"{HANDSHAKE}&sid=unknown"))
        assert (answer.status, answer.body) == (400, b'"Invalid session unknown"')


async def test_everything_else_comes_in_while_an_address_floods(served: Served) -> None:
    await spend(served)
    assert (await ask(served, "/api/health/live")).status == 200
    async with served.wire() as wire:
        assert (await wire.ask(request(key=served.key))).status == 200
    assert served.n_quick == 1


async def test_behind_a_proxy_it_is_the_callers_address_that_counts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'goip.db'}"
    async with serving(url, connection_rate=1, trusted_proxies=("127.0.0.1",)) as served:
        await spend(served, "X-Forwarded-For: 192.0.2.1\r\n")
        assert (await ask(served, "/api/ws", UPGRADE + "X-Forwarded-For: 192.0.2.1\r\n")).status == 429
        assert (await ask(served, "/api/ws", UPGRADE + "X-Forwarded-For: 192.0.2.2\r\n")).status == 101


async def test_a_page_of_another_site_that_is_allowed_may_read_the_refusal(tmp_path: Path) -> None:
    url, origin = f"sqlite:///{tmp_path / 'goip.db'}", "https://noc.example"
    async with serving(url, connection_rate=1, allowed_origins=(origin,)) as served:
        await spend(served)
        refusal = await ask(served, HANDSHAKE, f"Origin: {origin}\r\n")
        assert (refusal.status, refusal.headers["access-control-allow-origin"]) == (429, origin)


async def test_garbage_on_a_new_connection_is_left_to_the_ordinary_way(served: Served) -> None:
    await spend(served)
    async with served.wire() as wire:
        assert (await wire.ask(b"GET /api/ws NONSENSE\r\n\r\n")).status == 400
