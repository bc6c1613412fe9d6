"""`GET /docs`: the OpenAPI document for people, as one page without scripts that runs under the strictest CSP."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from typing import Any
from urllib.parse import quote

from aiohttp import web

from goip.api.callers import public_url
from goip.api.docs_style import STYLE
from goip.api.examples import example_of
from goip.api.openapi import own_document
from goip.wire import Json, dumps

_SERVER = "http://goip.invalid"
"""Stands in the page for the address by which a reader reaches this server."""

_SANE_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]_/-]+\Z")
_USUAL_URL = "http://127.0.0.1:8080"
_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"


async def docs_page(request: web.Request) -> web.Response:
    """`GET /docs`."""
    url = public_url(request)
    page = _own_page().replace(_SERVER, url if _SANE_URL.match(url) else _USUAL_URL)
    return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-cache"})


async def docs_style(_request: web.Request) -> web.Response:
    """`GET /docs/style.css`."""
    return web.Response(text=STYLE, content_type="text/css", headers={"Cache-Control": "no-cache"})


@cache
def _own_page() -> str:
    return render(own_document())


def render(document: Json) -> str:
    """The page of an OpenAPI document; what is in the document stays text."""
    info = document["info"]
    operations = list(_operations(document))
    tags = document.get("tags", [])
    sections = "".join(_tag_section(document, tag, operations) for tag in tags)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(info['title'])} API</title>"
        '<link rel="stylesheet" href="/docs/style.css"></head><body>'
        '<a class="skip" href="#main">To the content</a>'
        f"<header><h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
        '<p><a href="/api/openapi.json">OpenAPI document</a> · <a href="/">Dashboard</a></p></header>'
        f'<div class="columns">{_contents(tags, operations)}'
        f'<main id="main">{_introduction(document)}{sections}{_objects(document)}</main></div></body></html>\n'
    )


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _contents(tags: Iterable[Json], operations: list[tuple[str, str, Json]]) -> str:
    parts = []
    for tag in tags:
        links = "".join(
            f'<li><a href="#{escape(told["operationId"])}">{_method(method)} {escape(path)}</a></li>'
            for method, path, told in operations
            if tag["name"] in told["tags"]
        )
        parts.append(f'<h2><a href="#tag-{escape(tag["name"])}">{_title(tag)}</a></h2><ul>{links}</ul>')
    return f'<nav aria-label="Contents">{"".join(parts)}<h2><a href="#objects">Objects</a></h2></nav>'


def _introduction(document: Json) -> str:
    paragraphs = "".join(f"<p>{_text(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    rows = [
        (f"<code>{escape(_how(scheme))}</code>", _text(scheme.get("description", "")))
        for scheme in document["components"].get("securitySchemes", {}).values()
    ]
    ways = _table("How to say who is calling", ("In the request", "What it is"), rows)
    return f'<section id="start"><h2>Before you start</h2>{paragraphs}{ways}</section>'


def _how(scheme: Json) -> str:
    """How a proof stands in a request."""
    if scheme["type"] == "http":
        return {"bearer": "Authorization: Bearer KEY", "basic": "curl -u any:KEY"}[scheme["scheme"]]
    name = scheme["name"]
    return {"header": f"{name}: KEY", "query": f"?{name}=KEY", "cookie": f"Cookie: {name}"}[scheme["in"]]


def _tag_section(document: Json, tag: Json, operations: list[tuple[str, str, Json]]) -> str:
    articles = "".join(
        _article(document, method, path, told)
        for method, path, told in operations
        if tag["name"] in told["tags"]
    )
    name = escape(tag["name"])
    meaning = _text(tag.get("description", ""))
    return f'<section id="tag-{name}"><h2>{_title(tag)}</h2><p>{meaning}</p>{articles}</section>'


def _article(document: Json, method: str, path: str, told: Json) -> str:
    parameters = [
        (f"<code>{escape(each['name'])}</code>{_star(each.get('required'))}", each["in"], _meaning(each))
        for each in told.get("parameters", ())
    ]
    table = _table("Parameters", ("Name", "In", "Meaning"), parameters) if parameters else ""
    body = told.get("requestBody", {}).get("content", {}).get(_JSON)
    takes = f"<p>Takes {_type(body['schema'])}.</p>" if body else ""
    return (
        f'<article id="{escape(told["operationId"])}"><h3>{_method(method)} <code>{escape(path)}</code></h3>'
        f"<p>{_text(told['summary'])}. {_text(told['description'])}</p>{table}{takes}{_answers(document, told)}"
        f"<pre><code>{escape(_curl(method, path, told))}</code></pre></article>"
    )


def _answers(document: Json, told: Json) -> str:
    parts = []
    for status, answer in told["responses"].items():
        if not status.isdigit():
            continue
        content = answer.get("content", {})
        kinds = [
            _type(each["schema"]) if media_type == _JSON else f"<code>{escape(media_type)}</code>"
            for media_type, each in content.items()
        ]
        parts.append(f"<p>Answers {status}{': ' if kinds else ''}{' or '.join(kinds)}.</p>")
    return "".join(parts)


def _curl(method: str, path: str, told: Json) -> str:
    """A call to paste into a shell, with what must be there."""
    required = [each for each in told.get("parameters", ()) if each.get("required")]
    for each in required:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(str(example_of(each["name"])), safe=""))
    query = "&".join(
        f"{each['name']}={example_of(each['name'])}" for each in required if each["in"] == "query"
    )
    words = ["curl", *(["-X", method] if method != "GET" else [])]
    words.append(shlex.quote(f"{_SERVER}{path}{'?' if query else ''}{query}"))
    if told.get("security"):
        words += ["-H", "'Authorization: Bearer KEY'"]
    body = told.get("requestBody", {}).get("content", {}).get(_JSON)
    if body:
        words += ["\\\n  -H", "'Content-Type: application/json'"]
        words += ["\\\n  -d", shlex.quote(dumps(body.get("example", {})).decode())]
    return " ".join(words)


def _objects(document: Json) -> str:
    articles = "".join(
        _object(name, schema) for name, schema in sorted(document["components"].get("schemas", {}).items())
    )
    return f'<section id="objects"><h2>Objects</h2>{articles}</section>'


def _object(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = [
        (f"<code>{escape(key)}</code>{_star(key in required)}", _meaning({"schema": told}))
        for key, told in schema.get("properties", {}).items()
    ]
    table = _table(f"Fields of {name}", ("Name", "Meaning"), rows)
    meaning = f"<p>{_text(schema.get('description', ''))}</p>"
    return f'<article id="object-{escape(name)}"><h3>{escape(name)}</h3>{meaning}{table}</article>'


def _meaning(parameter: Json) -> str:
    schema = parameter["schema"]
    description = parameter.get("description") or schema.get("description", "")
    default = schema.get("default")
    parts = [_type(schema), _limits(schema), f"default {_code(default)}" if default is not None else ""]
    words = ", ".join(part for part in parts if part)
    return f"{words}. {_text(description)}" if description else words


def _type(schema: Json) -> str:
    """The type in words, with a link where it is an object of ours."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#object-{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(each) for each in schema[choice])
    if "enum" in schema:
        return " | ".join(_code(value) for value in schema["enum"] if value is not None) + (
            " or null" if None in schema["enum"] or "null" in schema.get("type", ()) else ""
        )
    kinds = schema.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if schema.get("format") == "date-time":
        return "time or null" if "null" in kinds else "time"
    items = f"array of {_type(schema.get('items', {}))}" if "array" in kinds else ""
    return " or ".join(items if kind == "array" else escape(kind) for kind in kinds)


def _limits(schema: Json) -> str:
    """What a number or a text is held to."""
    spans = []
    if "maximum" in schema and schema.get("format") != "date-time":
        spans.append(f"{schema.get('minimum', 0)} to {schema['maximum']}")
    for least, most, noun in (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "items")):
        if most in schema:
            low = f"{schema[least]} to" if schema.get(least) else "at most"
            spans.append(f"{low} {schema[most]} {noun}")
    if "multipleOf" in schema:
        spans.append(f"a multiple of {schema['multipleOf']}")
    return ", ".join(spans)


def _table(caption: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _title(tag: Json) -> str:
    return escape(tag["name"].capitalize() if len(tag["name"]) > 3 else tag["name"].upper())  # SMS


def _method(method: str) -> str:
    return f'<span class="method {escape(method.lower())}">{escape(method)}</span>'


def _star(is_required: Any) -> str:
    return ' <abbr title="required">*</abbr>' if is_required else ""


def _code(value: object) -> str:
    return f"<code>{escape(value if isinstance(value, str) else dumps(value).decode())}</code>"


def _text(text: str) -> str:
    """Text for people, in which `code` is marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))
