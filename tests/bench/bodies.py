"""Heartbeats for the load generator, built before the clock starts.

A request is `head`, then the counter and the device's time, then `tail`. Both numbers have a fixed width, so
that a request is finished with one formatting of bytes, and every request of a device has the same length.
"""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

from goip.simulator.life import Fate, Life

FIRST_COUNTER = 1_000_000_000
SILENCE_SECONDS = 3600.0
"""The interval that devices declare: long, as they are silent while another server has its turn."""
NUMBERS = b'%010d,"sentAt":%013d'
_NUMBERS_LENGTH = len(NUMBERS % (FIRST_COUNTER, 1_700_000_000_000))

Request = tuple[bytes, bytes]


def device_id(index: int) -> str:
    """The id of the benchmark's device number `index`; the Node peer knows the same ones."""
    return f"bench-{index:06d}"


def bench_key(index: int) -> str:
    """The key of that device at the Node peer."""
    return f"bench-key-{index}"


def make_bodies(index: int, n_variants: int) -> list[dict[str, object]]:
    """`n_variants` consecutive heartbeats of a two-slot phone: signal and battery move, the rest stays."""
    fate = Fate(1, datetime.now(UTC), SILENCE_SECONDS, make="phone", ports=2)
    life = Life(fate, index)
    bodies = []
    for variant in range(n_variants):
        for slot in life.slots:
            slot.drift(30, life.random)
        body = life.make_heartbeat(variant * 30)
        body["simSlots"] = json.loads(body["simSlots"])
        body["deviceId"] = device_id(index)
        del body["counter"], body["sentAt"]
        bodies.append(body)
    return bodies


def build_requests(keys: list[str], port: int, n_variants: int = 4) -> list[Request]:
    """Requests of `len(keys)` devices: all devices once, then all again with their next body, and so on."""
    by_device = [
        [_build(body, key, port) for body in make_bodies(index, n_variants)] for index, key in enumerate(keys)
    ]
    return [requests[variant] for variant in range(n_variants) for requests in by_device]


def save_requests(path: Path, requests: list[Request]) -> Path:
    """Write requests where the load generator, a process of its own, reads them."""
    path.write_bytes(pickle.dumps(requests))
    return path


def load_requests(path: str) -> list[Request]:
    """Read what `save_requests` wrote."""
    requests: list[Request] = pickle.loads(Path(path).read_bytes())
    return requests


def _build(body: dict[str, object], key: str, port: int) -> Request:
    tail = "," + json.dumps(body, separators=(",", ":"), ensure_ascii=False)[1:]
    start = b'{"counter":'
    length = len(start) + _NUMBERS_LENGTH + len(tail.encode())
    head = (
        f"POST /api/device/heartbeat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + start, tail.encode()
