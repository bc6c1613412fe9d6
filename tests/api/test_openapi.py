"""The OpenAPI document and the page made from it say what the table of routes says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from marshmallow import Schema, fields

from goip.api.appkeys import CONFIG
from goip.api.docs_page import docs_page, docs_style, render
from goip.api.docs_style import STYLE
from goip.api.openapi import openapi_document, openapi_json, own_document
from goip.api.route import Access, Route
from goip.api.routes import ROUTES
from goip.api.schemas.common import ErrorAnswer, PageQuery
from goip.api.schemas.devices import DeviceShape, SimSlotShape
from goip.api.schemas.sms import SmsShape
from goip.api.schemas.state import EventShape, StatsShape
from goip.config import Config
from goip.errors import InvalidPayload
from goip.fields import Identifier, Time, WireSchema, Words
from goip.gateways.native.schemas import HeartbeatSchema
from goip.models import Device, Event, SimSlot, Sms, Stats
from goip.wire import Json, device_json, dumps, event_json, slot_json, sms_json, stats_json


class ThingQuery(PageQuery):
    kinds = Words(fields.String())
    since = Time(required=True)


class ThingBody(WireSchema):
    thing_id = Identifier(required=True)


class ThingAnswer(WireSchema):
    """A thing."""

    thing_id = fields.String()


async def show_thing(_request: web.Request) -> web.Response:
    return web.Response()


async def post_thing(_request: web.Request) -> web.Response:
    return web.Response()


SMALL = (
    Route("GET", r"/things/{thingId:[a-z]{1,3}}", show_thing, Access.READ, "One thing", query=ThingQuery, tag="things"),
    Route("POST", "/things", post_thing, Access.GATEWAY, "Post things", body=ThingBody, answer=ThingAnswer,
          tag="things", status=201, takes_many=True, also_answers=("text/csv",)),
    Route("GET", "/", show_thing, Access.PUBLIC, "Anything"),
)  # fmt: skip


def operation(method: str, path: str) -> Json:
    told: Json = openapi_document(SMALL, "1.2.3")["paths"][path][method]
    return told


def test_path_parameters_are_told_without_their_pattern() -> None:
    parameter = operation("get", "/things/{thingId}")["parameters"][0]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("thingId", "path", True)


def test_query_parameters_have_their_limits_and_defaults() -> None:
    parameters = {each["name"]: each for each in operation("get", "/things/{thingId}")["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    assert parameters["since"]["required"] is True
    assert parameters["since"]["schema"]["type"] == ["string", "integer"]
    assert (parameters["kinds"]["style"], parameters["kinds"]["explode"]) == ("form", False)


def test_a_gateway_may_post_one_or_many_as_json_and_one_as_a_form() -> None:
    content = operation("post", "/things")["requestBody"]["content"]
    one = {"$ref": "#/components/schemas/ThingBody"}
    assert content["application/json"]["schema"]["oneOf"][0] == one
    assert content["application/json"]["schema"]["oneOf"][1]["items"] == one
    assert content["application/x-www-form-urlencoded"]["schema"] == one


def test_an_answer_is_told_with_its_status_and_media_types() -> None:
    answers = operation("post", "/things")["responses"]
    assert set(answers) == {"201", "4XX", "5XX"}
    assert set(answers["201"]["content"]) == {"application/json", "text/csv"}


def test_a_public_route_asks_for_no_proof_and_others_take_any_that_we_take() -> None:
    assert operation("get", "/")["security"] == []
    assert {"cookie": []} in operation("get", "/things/{thingId}")["security"]
    assert {"cookie": []} not in operation("post", "/things")["security"]


def test_operations_have_names_of_their_own() -> None:
    names = [operation("get", "/things/{thingId}")["operationId"], operation("get", "/")["operationId"]]
    assert names == ["showThing", "showThing2"]


def test_every_route_is_in_the_document() -> None:
    paths = own_document()["paths"]
    for route in ROUTES:
        path = re.sub(r":[^{}]*}", "}", route.path)
        assert paths[path][route.method.lower()]["summary"] == route.summary


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    document = own_document()
    for reference in re.findall(r'"\$ref":"#/([^"]+)"', dumps(document).decode()):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_examples_are_taken_by_their_schemas() -> None:
    for route in ROUTES:
        if route.body is not None:
            told = own_document()["paths"][route.path][route.method.lower()]
            example = told["requestBody"]["content"]["application/json"]["example"]
            assert route.body().validate(example) == {}


def test_the_document_can_be_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "goip.api.openapi"], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(printed) == own_document()


SLOT = SimSlot(0, "Example Mobile", phone_number="+491511")
DEVICE = Device(1, "a", registered_at=0, slots=(SLOT,), brand_info={"brand": "x"}, last_seen_at=1)
SMS = Sms(1, "a", "inbound", "b", None, "c", 0, 0, 0, None, None, "received")


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (DeviceShape, device_json(DEVICE)),
        (SimSlotShape, slot_json(SLOT)),
        (SmsShape, sms_json(SMS)),
        (StatsShape, stats_json(Stats(), 0, 1)),
        (EventShape, event_json(Event(1, "x", ("dashboard",), {}, 0), "dashboard")),
    ],
)
def test_shapes_are_what_stands_on_the_wire(shape: type[Schema], told: Json) -> None:
    route = Route("GET", "/", show_thing, Access.PUBLIC, "x", answer=shape)
    document = openapi_document([route], "1")
    content = document["paths"]["/"]["get"]["responses"]["200"]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    jsonschema_rs.validate({**content["schema"], "components": document["components"]}, told)
    assert set(document["components"]["schemas"][name]["properties"]) == set(told)


def test_a_refusal_is_what_stands_on_the_wire() -> None:
    error = InvalidPayload("x", fields={"a": ["Is required."]})
    told = {"success": False, "error": "x", "code": error.code, "fields": error.fields, "requestId": "1"}
    assert {field.data_key for field in ErrorAnswer().fields.values()} == set(told)


def test_a_blank_default_is_not_told() -> None:
    route = Route("POST", "/", post_thing, Access.GATEWAY, "x", body=HeartbeatSchema)
    heartbeat = openapi_document([route], "1")["components"]["schemas"]["HeartbeatBody"]
    assert heartbeat["properties"]["batteryLevel"] == {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 100,
    }
    assert heartbeat["required"] == ["deviceId"]


class Page(HTMLParser):
    """Ids, links and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.add(tag)
        self.names |= set(told)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src") and value]


def test_the_page_needs_nothing_that_the_policy_forbids() -> None:
    page = Page(render(own_document()))
    assert not page.tags & {"script", "style", "iframe", "form", "base"}
    assert not {name for name in page.names if name == "style" or name.startswith("on")}
    assert all(link.startswith(("/", "#")) for link in page.links)
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_links_in_the_page_lead_somewhere_and_ids_are_unique() -> None:
    page = Page(render(own_document()))
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_every_operation_has_a_call_to_paste() -> None:
    text = render(own_document())
    assert text.count("<pre><code>curl ") == sum(len(item) for item in own_document()["paths"].values())


def test_what_the_document_says_stays_text() -> None:
    document = openapi_document(SMALL, "1.2.3")
    document["info"]["title"] = "<script>alert(1)</script>"
    told = document["paths"]["/things"]["post"]
    told["summary"] = told["description"] = '"><img src=x onerror=alert(1)>'
    assert not Page(render(document)).tags & {"script", "img"}


def test_the_page_knows_dark_mode() -> None:
    assert "prefers-color-scheme: dark" in STYLE


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application()
    app[CONFIG] = Config()
    app.router.add_get("/docs", docs_page)
    app.router.add_get("/docs/style.css", docs_style)
    app.router.add_get("/api/openapi.json", openapi_json)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_page_and_its_style_and_the_document_are_served(client: TestClient[Any, Any]) -> None:
    for path, kind in (
        ("/docs", "text/html"),
        ("/docs/style.css", "text/css"),
        ("/api/openapi.json", "application/json"),
    ):
        answer = await client.get(path)
        assert (answer.status, answer.content_type) == (200, kind)
    assert await (await client.get("/api/openapi.json")).json() == own_document()


async def test_calls_go_to_the_server_as_the_reader_reaches_it(client: TestClient[Any, Any]) -> None:
    page = await (await client.get("/docs", headers={"Host": "goip.example:8443"})).text()
    assert "curl -X POST http://goip.example:8443/api/device/heartbeat" in page


@pytest.mark.parametrize("host", ["a'b", "<script>", "x y", '"', "a;reboot"])
async def test_a_strange_host_does_not_get_into_a_call(client: TestClient[Any, Any], host: str) -> None:
    answer = await client.get("/docs", headers={"Host": host})
    assert answer.status == 400 or "http://127.0.0.1:8080/api/device/heartbeat" in await answer.text()
