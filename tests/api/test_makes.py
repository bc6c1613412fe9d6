"""`GET /api/makes`: the makes, and what somebody has to type into each."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from goip.addresses import BrokerAddress
from goip.app import build_app
from goip.config import Config
from goip.gateways.registry import HTTP_MAKES
from tests.api.conftest import PASSWORD, Client, log_in_as_program, refused
from tests.api.quick_server import QuickTestServer


async def makes_of(client: Client) -> dict[str, Any]:
    headers = await log_in_as_program(client)
    answer = await client.get("/api/makes", headers=headers)
    assert answer.status == 200, await answer.text()
    told: dict[str, Any] = await answer.json()
    return told


async def makes_with(database_url: str, **settings: Any) -> dict[str, Any]:
    """What a server with these settings tells."""
    config = Config(database_url=database_url, admin_password=PASSWORD, **settings)
    async with TestClient(QuickTestServer(build_app(config))) as client:
        return await makes_of(client)


def named(told: dict[str, Any], name: str) -> dict[str, Any]:
    [make] = [make for make in told["makes"] if make["name"] == name]
    found: dict[str, Any] = make
    return found


async def test_every_make_is_there_with_its_address_on_this_server(client: Client) -> None:
    told = await makes_of(client)
    url = str(client.make_url("")).rstrip("/")
    assert told["url"] == url
    assert [make["name"] for make in told["makes"]] == [
        *("http", "dbl", "dinstar-tcp", "yeastar", "mqtt"),
        *HTTP_MAKES,
    ]
    assert named(told, "http")["address"] == f"{url}/api/device/heartbeat"
    for name, make in HTTP_MAKES.items():
        assert named(told, name) == {
            "name": name,
            "make": name,
            "title": make.title,
            "transport": "http",
            "address": f"{url}/in/{name}/{{key}}",
            "port": None,
            "allowed": [],
        }


async def test_an_address_that_is_told_takes_the_key_in_its_place(client: Client) -> None:
    address = named(await makes_of(client), "jasmin")["address"].replace("{key}", "enrol-me-please")
    path = address.removeprefix(str(client.make_url("")).rstrip("/"))
    form = {"id": "e1b2-1", "from": "+15550101", "origin-connector": "smpp-7", "content": "hello"}
    assert (await client.post(path, data=form)).status == 200


@pytest.mark.parametrize(
    ("name", "make", "transport", "setting"),
    [("dbl", "dbl", "udp", "udp_port"), ("dinstar-tcp", "dinstar", "tcp", "dinstar_port")],
)
@pytest.mark.parametrize(("port", "told_port"), [(44_445, 44_445), (0, None)])
async def test_a_box_that_speaks_no_http_is_told_the_port_if_anybody_listens(
    database_url: str, name: str, make: str, transport: str, setting: str, port: int, told_port: int | None
) -> None:
    box = named(await makes_with(database_url, **{setting: port}), name)
    assert (box["make"], box["transport"], box["port"], box["address"]) == (make, transport, told_port, None)


async def test_the_networks_that_may_send_are_told(database_url: str) -> None:
    assert named(await makes_with(database_url), "dbl")["allowed"] == []
    told = await makes_with(database_url, udp_allow=("192.0.2.0/24", "198.51.100.7"))
    assert named(told, "dbl")["allowed"] == ["192.0.2.0/24", "198.51.100.7"]


async def test_a_box_that_goip_dials_is_told_neither_address_nor_what_is_set(database_url: str) -> None:
    told = await makes_with(database_url)
    box = named(told, "yeastar")
    assert (box["transport"], box["address"], box["port"]) == ("dial", None, None)


async def test_a_broker_is_told_without_what_lets_anybody_in(database_url: str) -> None:
    assert named(await makes_with(database_url), "mqtt")["address"] is None
    broker = BrokerAddress("192.0.2.8", 8883, "site/goip", "user-of-it", "password-of-it", is_tls=True)
    told = await makes_with(database_url, mqtt=broker)
    assert named(told, "mqtt")["address"] == "mqtts://192.0.2.8:8883/site/goip"
    assert "of-it" not in str(told)


@pytest.mark.parametrize(
    ("host", "is_local_only"),
    [
        ("127.0.0.1", True),
        ("127.0.0.53", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.7", False),
        ("goip.example", False),
    ],
)
async def test_a_server_that_only_its_own_machine_reaches_says_so(
    database_url: str, host: str, is_local_only: bool
) -> None:
    assert (await makes_with(database_url, host=host))["isLocalOnly"] is is_local_only


async def test_a_proxy_in_between_is_told(database_url: str) -> None:
    assert (await makes_with(database_url))["isProxied"] is False
    told = await makes_with(database_url, public_url="https://goip.example/")
    assert (told["isProxied"], told["url"]) == (True, "https://goip.example")
    assert named(told, "jasmin")["address"] == "https://goip.example/in/jasmin/{key}"
    assert (await makes_with(database_url, trusted_proxies=("127.0.0.1",)))["isProxied"] is True


async def test_makes_are_for_those_who_may_add_a_gateway(client: Client) -> None:
    await refused(await client.get("/api/makes"), 401, "unauthorized")
    headers = await log_in_as_program(client)
    viewer = {"username": "viewer", "password": PASSWORD, "role": "viewer"}
    assert (await client.post("/api/users", json=viewer, headers=headers)).status == 201
    headers = await log_in_as_program(client, "viewer")
    await refused(await client.get("/api/makes", headers=headers), 403, "forbidden")
