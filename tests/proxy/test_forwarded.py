"""Behind a proxy that ends TLS the server knows who calls, by which address, and that the line is safe."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import aiohttp
import pytest

from tests.contract.stock_client import StockClients
from tests.http_calls import bearer
from tests.live_fixtures import MakeServer
from tests.live_server import ADMIN_PASSWORD, ENROLMENT_KEY, LiveServer
from tests.proxy.conftest import MakeNginx
from tests.proxy.nginx import AS_DOCUMENTED, Nginx
from tests.streams.posting import Box

LOGIN = {"username": "admin", "password": ADMIN_PASSWORD}
COOKIES = {"goip_access", "goip_refresh", "goip_csrf"}


@pytest.fixture
def nginx(server: LiveServer, make_nginx: MakeNginx) -> Nginx:
    return make_nginx(server, AS_DOCUMENTED, speaks_tls=True)


@pytest.fixture
async def caller() -> AsyncIterator[aiohttp.ClientSession]:
    """Calls from 127.0.0.1, whatever the certificate says."""
    async with calls_from("127.0.0.1") as session:
        yield session


def calls_from(address: str) -> aiohttp.ClientSession:
    """Calls from this address: all of 127/8 is this machine."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False, local_addr=(address, 0)))


async def test_cookies_of_a_login_by_https_are_for_https_alone(
    nginx: Nginx, server: LiveServer, caller: aiohttp.ClientSession
) -> None:
    assert {name: c["secure"] for name, c in (await cookies(caller, nginx.url)).items()} == dict.fromkeys(
        COOKIES, True
    )
    assert {name: c["secure"] for name, c in (await cookies(caller, server.url)).items()} == dict.fromkeys(
        COOKIES, ""
    )


async def test_who_is_no_trusted_proxy_is_not_believed(
    make_server: MakeServer, make_nginx: MakeNginx, caller: aiohttp.ClientSession
) -> None:
    server = make_server(TRUSTED_PROXIES="192.0.2.1").start()
    nginx = make_nginx(server, AS_DOCUMENTED, speaks_tls=True)
    assert {c["secure"] for c in (await cookies(caller, nginx.url)).values()} == {""}
    assert await told_url(caller, nginx.url, server) == nginx.url.replace("https", "http")


async def test_the_addresses_to_set_in_gateways_are_those_of_the_proxy(
    nginx: Nginx, server: LiveServer, caller: aiohttp.ClientSession
) -> None:
    assert await told_url(caller, nginx.url, server) == nginx.url
    async with caller.post(
        f"{nginx.url}/api/enrollment/keys", json={"name": "page"}, headers=bearer(server.admin)
    ) as response:
        assert f" {nginx.url}/api/device/heartbeat " in (await response.json())["curl"]
    async with caller.get(f"{nginx.url}/docs") as response:
        assert nginx.url in await response.text()


async def test_the_public_url_that_is_set_wins(
    make_server: MakeServer, make_nginx: MakeNginx, caller: aiohttp.ClientSession
) -> None:
    server = make_server(TRUSTED_PROXIES="127.0.0.1", PUBLIC_URL="https://gateways.example.com/").start()
    nginx = make_nginx(server, AS_DOCUMENTED, speaks_tls=True)
    assert await told_url(caller, nginx.url, server) == "https://gateways.example.com"


async def test_each_address_behind_the_proxy_has_its_own_limit_and_nobody_talks_itself_out_of_it(
    make_server: MakeServer, make_nginx: MakeNginx
) -> None:
    server = make_server(TRUSTED_PROXIES="127.0.0.1", ADDRESS_RATE="1").start()
    nginx = make_nginx(server, AS_DOCUMENTED, speaks_tls=True)

    async def beat(session: aiohttp.ClientSession, n: int) -> int:
        lie = {"X-Forwarded-For": f"203.0.113.{n}", "X-Real-IP": f"203.0.113.{n}"}
        body = {"deviceId": f"box-{n}"}
        url = f"{nginx.url}/api/device/heartbeat"
        async with session.post(url, json=body, headers=bearer(ENROLMENT_KEY) | lie) as response:
            return response.status

    async with calls_from("127.0.0.2") as greedy, calls_from("127.0.0.3") as modest:
        n = 0
        while await beat(greedy, n) == 200:
            n += 1
            assert n < 200, "a made-up X-Forwarded-For is believed"
        assert await beat(greedy, n) == 429
        assert await beat(modest, n) == 200


async def test_a_page_of_the_proxys_own_address_may_open_sockets_and_no_other(
    nginx: Nginx, server: LiveServer, caller: aiohttp.ClientSession
) -> None:
    headers = bearer(server.admin)
    async with caller.ws_connect(f"{nginx.url}/api/ws", origin=nginx.url, headers=headers) as socket:
        await socket.send_json({"type": "join", "room": "dashboard"})
        assert (await socket.receive_json())["type"] == "joined"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await caller.ws_connect(f"{nginx.url}/api/ws", origin="https://elsewhere.example", headers=headers)
    assert refused.value.status == 403


def test_a_stock_client_listens_through_tls(nginx: Nginx, server: LiveServer, clients: StockClients) -> None:
    box = Box.enrolled(server)
    for transport in ("websocket", "polling"):
        socket = clients.connect(
            nginx.url, transports=[transport], auth={"token": server.admin}, rejectUnauthorized=False
        )
        assert socket.call("join-device-room", box.device_id)["ok"] is True
        box.say(f"by {transport}")
        assert socket.wait_for("sms-received")["message"] == f"by {transport}"


async def test_a_body_that_is_too_large_is_refused_in_our_words(
    nginx: Nginx, caller: aiohttp.ClientSession
) -> None:
    headers = bearer(ENROLMENT_KEY) | {"Content-Type": "application/json"}
    url = f"{nginx.url}/api/device/heartbeat"
    async with caller.post(url, data=io.BytesIO(b" " * 3_000_000), headers=headers) as response:
        assert response.status == 413
        told = await response.json()
    assert (told["success"], told["code"]) == (False, "too_large")
    assert told["requestId"]


async def cookies(caller: aiohttp.ClientSession, url: str) -> SimpleCookie:
    """What a login sets."""
    async with caller.post(f"{url}/api/auth/login", json=LOGIN) as response:
        assert response.status == 200, await response.text()
        return response.cookies


async def told_url(caller: aiohttp.ClientSession, url: str, server: LiveServer) -> str:
    """The server's own address, as it tells who asks by this one."""
    async with caller.get(f"{url}/api/enrollment", headers=bearer(server.admin)) as response:
        return str((await response.json())["url"])
