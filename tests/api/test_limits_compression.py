"""Large answers are packed for clients that take it, and the event loop does not do it."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest
from aiohttp import compression_utils

from tests.api.connections import Live, serving

pytestmark = pytest.mark.timeout(60)
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
N_DEVICES = 60


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """A server with some devices."""
    async with serving(tmp_path) as live:
        beats = [{"deviceId": f"box-{n:03}", "name": f"Box number {n}"} for n in range(N_DEVICES)]
        enrol = {"Authorization": "Bearer enrol-me-please"}
        async with live.client.post("/api/device/heartbeat", json=beats, headers=enrol) as answer:
            assert answer.status == 200
        yield live


@pytest.fixture
def packed_by(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The threads in which something was packed."""
    threads: set[int] = set()
    genuine = zlib.compressobj

    class Noted:
        def __init__(self, packer: Any) -> None:
            self._packer = packer

        def compress(self, data: bytes) -> bytes:
            threads.add(get_ident())
            return bytes(self._packer.compress(data))

        def flush(self, *mode: int) -> bytes:
            return bytes(self._packer.flush(*mode))

    def noted(*args: Any, **kwargs: Any) -> Noted:
        return Noted(genuine(*args, **kwargs))

    monkeypatch.setattr(compression_utils.ZLibBackend._zlib_backend, "compressobj", noted)
    return threads


async def raw(live: Live, path: str, headers: dict[str, str]) -> tuple[str | None, bytes]:
    """The encoding of an answer, and its bytes as they came."""
    async with live.client.session.get(
        live.client.make_url(path), headers=headers, auto_decompress=False
    ) as answer:
        assert answer.status == 200
        return answer.headers.get("Content-Encoding"), await answer.read()


@pytest.mark.parametrize(
    "path",
    ["/api/state", "/api/devices?limit=60", "/api/events?rooms=dashboard"],
    ids=["state", "list", "frame"],
)
async def test_a_large_answer_is_gzip_for_who_takes_it(path: str, live: Live) -> None:
    proof = await live.headers()
    encoding, packed = await raw(live, path, proof | GZIP)
    assert encoding == "gzip"
    _, plain = await raw(live, path, proof | PLAIN)
    told, same = json.loads(zlib.decompress(packed, 31)), json.loads(plain)
    assert len(packed) * 3 < len(plain)
    assert _devices(told) == _devices(same)
    assert len(_devices(told)) == N_DEVICES


def _devices(told: dict[str, Any]) -> list[str]:
    holder = told.get("state", told)
    return sorted(device["deviceId"] for device in holder["devices"])


async def test_nobody_is_sent_what_they_did_not_ask_for_and_small_answers_stay_as_they_are(
    live: Live,
) -> None:
    proof = await live.headers()
    assert (await raw(live, "/api/state", proof | PLAIN))[0] is None
    assert (await raw(live, "/api/health", GZIP))[0] is None
    assert (await raw(live, "/api/devices/box-001", proof | GZIP))[0] is None


async def test_the_snapshot_of_a_polling_socket_io_client_is_packed_too(live: Live) -> None:
    proof = await live.headers()
    token = proof["Authorization"].removeprefix("Bearer ")
    url = await live.session()
    for data in ("40" + json.dumps({"token": token}), '42["join-dashboard"]'):
        async with live.client.post(url, data=data) as posted:
            assert posted.status == 200
    told = b""
    while b'42["state"' not in told:
        encoding, body = await raw(live, url, GZIP)
        told = zlib.decompress(body, 31) if encoding == "gzip" else body
    assert encoding == "gzip"
    assert told.count(b'"deviceId"') == N_DEVICES


async def test_the_loop_goes_on_while_a_large_answer_is_packed(live: Live, packed_by: set[int]) -> None:
    proof = await live.headers()
    assert (await raw(live, "/api/state", proof | GZIP))[0] == "gzip"
    assert packed_by
    assert get_ident() not in packed_by
