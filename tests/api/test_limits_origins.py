"""A page of another site, in a browser that is logged in here, gets nothing on any transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

from tests.api.conftest import cookies_of, log_in, refused
from tests.api.connections import ENGINE_WEBSOCKET, POLLING, WITHIN, Live, serving

pytestmark = pytest.mark.timeout(60)
EVIL = {"Origin": "https://evil.example"}
STRANGERS = pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1.evil.example", ""]
)
SOCKETS = pytest.mark.parametrize(
    "path", ["/api/ws", ENGINE_WEBSOCKET, "/api/socket/io/?EIO=4&transport=websocket"]
)
POLLS = pytest.mark.parametrize("path", [POLLING, "/api/socket/io/?EIO=4&transport=polling"])
SSE = {"Accept": "text/event-stream"}


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Live]:
    """A server, and a browser that has logged in to it: its cookies go with every request."""
    async with serving(tmp_path, allowed_origins=("https://friend.example",)) as live:
        await log_in(live.client)
        assert "goip_access" in cookies_of(live.client)
        yield live


def nothing_is_left(live: Live) -> bool:
    return live.n_sessions == live.n_places == live.n_subscribers == 0


@STRANGERS
@SOCKETS
async def test_it_opens_no_websocket(origin: str, path: str, browser: Live) -> None:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await browser.websocket(path, {"Origin": origin})
    assert refusal.value.status == 403
    assert nothing_is_left(browser)


@STRANGERS
@POLLS
async def test_it_opens_no_polling_session(origin: str, path: str, browser: Live) -> None:
    await refused(await browser.get(path, {"Origin": origin}), 403, "origin")
    assert nothing_is_left(browser)


async def test_it_cannot_use_the_session_of_our_own_page(browser: Live) -> None:
    url = await browser.session()
    await refused(await browser.get(url, EVIL), 403, "origin")
    await refused(await browser.client.post(url, data="40", headers=EVIL), 403, "origin")
    with pytest.raises(WSServerHandshakeError) as refusal:
        await browser.websocket(url.replace("transport=polling", "transport=websocket"), EVIL)
    assert refusal.value.status == 403
    async with browser.client.post(url, data="40") as posted:  # our own page goes on with it
        assert posted.status == 200
    assert (await (await browser.get(url)).text()).startswith("40{")


@STRANGERS
@pytest.mark.parametrize("headers", [SSE, {}], ids=["server-sent events", "polling"])
async def test_its_cookie_opens_no_stream_and_reads_no_state(
    headers: dict[str, str], origin: str, browser: Live
) -> None:
    for path in ("/api/events?rooms=dashboard", "/api/state?rooms=dashboard", "/api/devices"):
        answer = await browser.get(path, {**headers, "Origin": origin})
        await refused(answer, 401, "unauthorized")
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert nothing_is_left(browser)


async def test_the_cookie_is_no_proof_on_a_named_site_either(browser: Live) -> None:
    friend = {"Origin": "https://friend.example"}
    await refused(await browser.get("/api/events?rooms=dashboard", {**SSE, **friend}), 401, "unauthorized")
    with pytest.raises(WSServerHandshakeError) as refusal:
        await browser.websocket("/api/ws", friend)
    assert refusal.value.status == 401
    socket = await browser.websocket(ENGINE_WEBSOCKET, friend)
    await socket.receive_str(timeout=WITHIN)
    await socket.send_str("40")
    assert "unauthorized" in await socket.receive_str(timeout=WITHIN)
    assert browser.n_subscribers == 0


async def test_a_named_site_opens_sockets_with_a_token(browser: Live) -> None:
    token = (await browser.headers())["Authorization"].removeprefix("Bearer ")  # and no cookie
    friend = {"Origin": "https://friend.example"}
    socket = await browser.websocket("/api/ws", friend)
    await socket.send_json({"type": "auth", "token": token})
    assert (await socket.receive_json(timeout=WITHIN))["type"] == "authenticated"
    polled = await browser.get(POLLING, friend)
    assert (polled.status, polled.headers["Access-Control-Allow-Origin"]) == (200, "https://friend.example")


async def test_our_own_page_is_let_in_by_its_cookie_everywhere(browser: Live) -> None:
    own = {"Origin": str(browser.client.make_url("/")).rstrip("/")}
    for path in ("/api/ws", ENGINE_WEBSOCKET):
        await browser.websocket(path, own)
    assert (await browser.get(POLLING, own)).status == 200
    stream = await browser.get("/api/events?rooms=dashboard", {**SSE, **own})
    assert stream.status == 200
    assert await stream.content.readline() == b"retry: 3000\n"
    assert browser.n_places == 4
