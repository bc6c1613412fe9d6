"""Thousands of mutated bodies of gateways: each is taken or refused in words, and harms nobody."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.neighbour import answer_must_be_decent, must_be_decent
from tests.http_calls import bearer
from tests.live_server import LiveServer

N_EXAMPLES = int(os.environ.get("GOIP_FUZZ_BODIES", "700"))
HEARTBEAT: dict[str, Any] = {
    "deviceId": "mutant",
    "name": "Attic",
    "batteryLevel": 73,
    "charging": True,
    "signalStrength": 21,
    "deviceStatus": "online",
    "simSlots": [{"slotIndex": 0, "carrierName": "Example", "phoneNumber": "+15550100", "iccid": "89014903"}],
    "deviceBrandInfo": {"brand": "Acme", "model": "X1"},
    "ipAddress": "192.0.2.7",
    "firmware": "1.7",
    "intervalSeconds": 45,
    "sentAt": "2026-11-21T05:22:21.123Z",
    "counter": 9,
}
SMS: dict[str, Any] = {
    "deviceId": "mutant",
    "sender": "BANK",
    "message": "hello",
    "timestamp": "2026-11-21T05:22:21.123Z",
    "recipient": "+15550100",
    "slotIndex": 0,
    "messageId": "m-1",
    "subscriptionId": 1,
}
POSTS = [("/api/device/heartbeat", HEARTBEAT), ("/api/device/register", HEARTBEAT), ("/api/sms/receive", SMS)]

ODD = st.sampled_from(
    [
        10**400,
        -(10**400),
        2**63,
        2**64,
        -(2**63) - 1,
        1e308,
        5e-324,
        float("nan"),
        float("inf"),
        -0.0,
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff\ud800",
        "é" * 5000,
        "🐙" * 2000,
        "x" * 70_000,
        "\u202e",
        "%00",
        "{{7*7}}",
        "'; --",
        "9" * 400,
        "2026-13-45T99:99:99Z",
        "0000-00-00",
        "+999999-01-01T00:00:00Z",
        {"": {"": {"": None}}},
        [[[[[[]]]]]],
        [None] * 2000,
        {str(n): n for n in range(2000)},
    ]
)
VALUE = ODD | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


class Poster:
    """Posts over one connection that is kept, and opened again when the server closed it."""

    def __init__(self, server: LiveServer, key: str) -> None:
        self._server = server
        self._headers = bearer(key)
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, data: bytes, content_type: str = "application/json") -> None:
        """Fails unless the answer is decent."""
        for is_last in (False, True):
            connection = self._connection or http.client.HTTPConnection(
                "127.0.0.1", self._server.port, timeout=20
            )
            self._connection = connection
            try:
                connection.request("POST", path, data, self._headers | {"Content-Type": content_type})
                response = connection.getresponse()
                body = response.read()
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if is_last:
                    raise
                continue
            must_be_decent(response.status, response.headers, body, data[:2000])
            return

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    return server.enrol("mutant")


@pytest.fixture(scope="module")
def poster(server: LiveServer, key: str) -> Iterator[Poster]:
    poster = Poster(server, key)
    yield poster
    poster.close()


def fuzzed(n_examples: int = N_EXAMPLES) -> Callable[[Any], Any]:
    return settings(
        max_examples=n_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


def encoded(value: object) -> bytes:
    """JSON as careless senders write it: with NaN, Infinity and lone surrogates."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, object]:
    """A body whose fields have been tampered with: other values, other names, gone, or deep in a list."""
    path, body = draw(st.sampled_from(POSTS))
    mutant: dict[str, Any] = json.loads(json.dumps(body))
    for name in draw(st.lists(st.sampled_from(sorted(mutant)), min_size=1, max_size=3, unique=True)):
        how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "wrap"]))
        value = mutant.pop(name)
        if how == "replace":
            mutant[name] = draw(VALUE)
        elif how == "rename":
            mutant[draw(st.text(max_size=12))] = value
        elif how == "wrap":
            mutant[name] = [value]
    if mutant.get("simSlots") and isinstance(mutant["simSlots"], list) and draw(st.booleans()):
        slot = mutant["simSlots"][0]
        if isinstance(slot, dict):
            slot[draw(st.sampled_from(sorted(slot) or ["slotIndex"]))] = draw(VALUE)
    return path, draw(st.sampled_from([mutant, [mutant], [mutant, body], [body, mutant, None]]))


@pytest.mark.timeout(300)
@fuzzed(2 * N_EXAMPLES)
@given(mutant=mutants())
def test_no_value_of_a_field_upsets_the_server(mutant: tuple[str, object], poster: Poster) -> None:
    path, body = mutant
    poster.post(path, encoded(body))


@pytest.mark.timeout(300)
@fuzzed()
@given(
    post=st.sampled_from(POSTS),
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    content_type=st.sampled_from(
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/plain",
            "multipart/form-data; boundary=x",
            "x/y",
            "",
        ]
    ),
)
def test_no_damaged_body_upsets_the_server(
    post: tuple[str, dict[str, Any]],
    cut: float,
    flips: list[tuple[float, int]],
    content_type: str,
    poster: Poster,
) -> None:
    path, body = post
    data = bytearray(encoded(body))
    for where, byte in flips:
        data[int(where * (len(data) - 1))] = byte
    poster.post(path, bytes(data[: round(cut * len(data))]), content_type)


@pytest.mark.timeout(300)
@fuzzed(N_EXAMPLES // 2)
@given(post=st.sampled_from(POSTS), data=st.binary(max_size=300))
def test_no_bytes_upset_the_server(post: tuple[str, object], data: bytes, poster: Poster) -> None:
    poster.post(post[0], data)


def deep(opening: bytes, closing: bytes, depth: int, around: bytes = b"%s") -> bytes:
    return around % (opening * depth + b"1" + closing * depth)


MONSTERS: dict[str, bytes] = {
    "a list 100,000 deep": deep(b"[", b"]", 100_000),
    "an object 100,000 deep": deep(b'{"a":', b"}", 100_000),
    "a field 100,000 deep": deep(b"[", b"]", 100_000, b'{"deviceId":"mutant","simSlots":%s}'),
    "a list 100,000 deep that never ends": b"[" * 100_000,
    "a field 1,000 deep": deep(b"[", b"]", 1_000, b'{"deviceId":"mutant","name":%s}'),
    "a string field with slots 1,000 deep": json.dumps(
        {"deviceId": "mutant", "simSlots": "[" * 1_000 + "]" * 1_000}
    ).encode(),
    "more than a megabyte": encoded(HEARTBEAT | {"name": "x" * 1_100_000}),
    "five megabytes": encoded(HEARTBEAT | {"name": "x" * 5_000_000}),
    "a number of 100,000 digits": b'{"deviceId":"mutant","counter":' + b"9" * 100_000 + b"}",
    "an id of 100,000 characters": encoded({"deviceId": "x" * 100_000}),
    "50,000 fields": encoded({f"f{n}": n for n in range(50_000)} | {"deviceId": "mutant"}),
    "10,000 slots": encoded({"deviceId": "mutant", "simSlots": [{"slotIndex": n} for n in range(10_000)]}),
    "the same slot 500 times": encoded({"deviceId": "mutant", "simSlots": [{"slotIndex": 0}] * 500}),
    "the same field twice": b'{"deviceId":"other","deviceId":"mutant"}',
    "20,000 items": encoded([{"deviceId": "mutant"}] * 20_000),
    "NaN": b'{"deviceId":"mutant","signalStrength":NaN}',
    "Infinity": b'{"deviceId":"mutant","batteryLevel":-Infinity}',
    "a lone surrogate, escaped": b'{"deviceId":"mutant","name":"\\ud800"}',
    "a lone surrogate, raw": b'{"deviceId":"mutant","name":"\xed\xa0\x80"}',
    "an overlong encoding": b'{"deviceId":"mutant","name":"\xc0\xaf"}',
    "a byte order mark": b"\xef\xbb\xbf" + encoded(HEARTBEAT),
    "UTF-16": json.dumps(HEARTBEAT).encode("utf-16"),
    "NUL in the id": b'{"deviceId":"mu\\u0000tant"}',
    "NUL in a name": b'{"deviceId":"mutant","name":"a\\u0000b"}',
    "a comment": b'{"deviceId":"mutant"} // hello',
    "a form of 100,000 fields": b"&".join(b"f%d=1" % n for n in range(100_000)),
    "a form with broken escapes": b"deviceId=mutant&name=%zz%e0%00&batteryLevel=%",
}


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", [path for path, _ in POSTS])
@pytest.mark.parametrize("monster", MONSTERS)
def test_no_monster_upsets_the_server(
    monster: str, path: str, content_type: str, server: LiveServer, key: str
) -> None:
    headers = bearer(key) | {"Content-Type": content_type}
    answer = server.request("POST", path, data=MONSTERS[monster], headers=headers)
    answer_must_be_decent(answer, monster)


def rss_megabytes(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_goes_off(encoding: str, server: LiveServer, key: str) -> None:
    zeros = b'{"deviceId":"mutant","name":"' + b"0" * 200_000_000 + b'"}'
    bomb = gzip.compress(zeros, 6) if encoding == "gzip" else zlib.compress(zeros, 6)
    before = rss_megabytes(server.pid)
    headers = bearer(key) | {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = server.request("POST", "/api/device/heartbeat", data=bomb, headers=headers, timeout=30)
    answer_must_be_decent(answer)
    assert answer.status in (400, 413, 415)
    assert rss_megabytes(server.pid) - before < 100


def test_a_small_compressed_body_is_read_or_refused_in_words(server: LiveServer, key: str) -> None:
    headers = bearer(key) | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for data in (gzip.compress(encoded(HEARTBEAT)), b"not gzip at all", gzip.compress(b"x" * 999)[:-9], b""):
        answer_must_be_decent(
            server.request("POST", "/api/device/heartbeat", data=data, headers=headers), data
        )


@pytest.mark.timeout(120)
@fuzzed(150)
@given(
    name=st.sampled_from(
        [
            "Authorization",
            "X-Api-Key",
            "Cookie",
            "X-Forwarded-For",
            "Content-Type",
            "Origin",
            "Host",
            "X-Request-Id",
            "Last-Event-ID",
            "Accept",
            "X-CSRF-Token",
            "If-None-Match",
            "Range",
        ]
    ),
    value=st.text(
        st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200
    ),
    path=st.sampled_from(
        ["/api/device/heartbeat", "/api/state", "/api/events", "/", "/api/auth/refresh", "/docs"]
    ),
)
def test_no_header_upsets_the_server(name: str, value: str, path: str, server: LiveServer) -> None:
    method = "POST" if path.endswith(("heartbeat", "refresh")) else "GET"
    answer = server.request(method, path, data=b"{}" if method == "POST" else None, headers={name: value})
    assert answer.status < 500, (name, value, path, answer.body)
