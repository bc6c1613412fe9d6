"""The files of the page as the server gives them out."""

from __future__ import annotations

import re

import pytest

from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

SHELL_PATHS = (
    "/",
    "/login",
    "/devices",
    "/devices/box-1",
    "/devices/192.0.2.17",
    "/inbox?thread=a.b",
    "/no/such/page",
)


@pytest.mark.parametrize("path", SHELL_PATHS)
def test_the_shell_is_fresh_and_guarded_at_every_address_of_the_page(server: LiveServer, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def files_of(server: LiveServer) -> list[str]:
    """What the shell links to."""
    return re.findall(r'(?:src|href)="(/[^"]+)"', server.get("/").text)


def test_the_files_that_the_shell_links_to_are_kept_for_ever(server: LiveServer) -> None:
    files = files_of(server)
    assert {name.rpartition(".")[2] for name in files} >= {"js", "css", "svg"}
    for name in files:
        answer = server.get(name)
        assert answer.status == 200, name
        assert re.search(r"-[\w-]{8,}\.\w+$", name), f"{name} has no hash"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Content-Security-Policy" in answer.headers


def test_the_files_come_compressed_to_whoever_can_read_it(server: LiveServer) -> None:
    script = max(files_of(server), key=lambda name: len(server.get(name).body))
    plain = server.get(script)
    assert "Content-Encoding" not in plain.headers
    for encoding in ("br", "gzip"):
        packed = server.request("GET", script, headers={"Accept-Encoding": encoding})
        assert packed.headers["Content-Encoding"] == encoding
        assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.body) < len(plain.body) / 2


def test_the_shell_names_nothing_outside_and_holds_no_code(server: LiveServer) -> None:
    html = server.get("/").text
    assert re.findall(r"https?://", html) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []
    assert re.findall(r"<style|\son\w+=|\sstyle=", html) == []


@pytest.mark.parametrize("path", ["/api/no/such/thing", "/api/", "/api/devicesx"])
def test_an_unknown_address_of_the_api_is_a_json_404(server: LiveServer, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["success"] is False
    assert answer.json["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["/assets/gone-12345678.js", "/robots.txt", "/index.php", "/.env", "/assets/../../cli.py"]
)
def test_a_file_that_is_not_there_is_no_page(server: LiveServer, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert "<html" not in answer.text
