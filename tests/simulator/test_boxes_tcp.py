"""Emulated boxes on TCP lines, by themselves: how a key is cut, a text is parted, and what a stranger is told."""

from __future__ import annotations

import asyncio

import pytest

from goip.simulator.boxes.dwg import HEAD, LOGIN, frame_of, login_body
from goip.simulator.boxes.manager import ACCEPTED, BANNER, REFUSED
from goip.simulator.boxes.yeastar import USER, parts_of
from tests.live_server import free_port
from tests.simulator.listeners import KEY, Running, options


@pytest.mark.parametrize(
    ("key", "user", "password"),
    [
        ("short-one", b"goip", b"short-one"),
        ("goip_en_" + "a" * 16 + "b" * 16, b"a" * 16, b"b" * 16),
        ("c" * 16 + "dd", b"c" * 16, b"dd"),
    ],
)
def test_a_key_is_cut_as_the_documents_say(key: str, user: bytes, password: bytes) -> None:
    assert login_body(key) == user.ljust(16, b"\0") + password.ljust(16, b"\0")


def test_a_frame_has_a_head_of_24_bytes() -> None:
    frame = frame_of(LOGIN, b"xy", mac=b"\x02\0\0\0\0\1", at=7, number=9)
    assert HEAD.size == 24
    assert frame == bytes.fromhex("00000002 020000000001 0000 00000007 00000009 000f 0000") + b"xy"


@pytest.mark.parametrize("text", ["", "short", "a" * 400, "ж" * 134])
def test_the_parts_of_a_text_are_the_text(text: str) -> None:
    parts = parts_of(text)
    assert "".join(parts) == text
    assert len(parts) == {0: 1, 5: 1, 400: 3, 134: 2}[len(text)]


async def test_a_yeastar_box_tells_its_ports_to_who_knows_the_password_and_nothing_to_others() -> None:
    port = free_port()
    running = Running(options(make="yeastar", lines=2, listen_port=port, sms_per_minute=6_000.0))
    await running.until(lambda: len(running.outcomes) > 3)

    async def say(*requests: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("".join(f"{request}\r\n\r\n" for request in requests).encode())
        heard = b""
        async with asyncio.timeout(10):
            while b"GSM span 3: " not in heard and (data := await reader.read(4_096)):
                heard += data
        writer.close()
        return heard

    spans = "Action: smscommand\r\ncommand: gsm show spans"
    told = await say(f"Action: Login\r\nUsername: {USER}\r\nSecret: {KEY}", spans)
    assert told.startswith(BANNER + ACCEPTED)
    assert b"GSM span 2: Power on" in told
    stranger = await say(f"Action: Login\r\nUsername: {USER}\r\nSecret: wrong", spans)
    assert stranger == BANNER + REFUSED
    tally = await running.end()
    assert tally.heartbeats.n_acknowledged == 1
    assert tally.messages.n_acknowledged == 0
