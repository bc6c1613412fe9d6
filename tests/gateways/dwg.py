"""Frames of an old Dinstar box, as the emulated one builds them from the paper. Numbers are fictitious."""

from __future__ import annotations

from goip.simulator.boxes.dwg import credentials, frame_of, sms_body

MAC = bytes.fromhex("001fd6000db2")
BOX = "00-1f-d6-00-0d-b2"
AT = 0x1F5CB818


def frame(kind: int, body: bytes = b"", *, mac: bytes = MAC, at: int = AT, serial: int = 6) -> bytes:
    return frame_of(kind, body, mac=mac, at=at, number=serial)


def login(user: str, password: str, **more: bytes) -> bytes:
    return frame(15, credentials(user, password), **more)


def login_with(key: str, **more: bytes) -> bytes:
    """A key that is too long for one field is cut in two."""
    return login(key[:16], key[16:], **more)


def sms(
    text: str | bytes = "1234",
    number: str = "15550188",
    *,
    port: int = 3,
    time: str = "20160712154618",
    zone: int = 32,
    serial: int = 6,
    mac: bytes = MAC,
) -> bytes:
    content = text.encode("utf-16-be") if isinstance(text, str) else text
    body = sms_body(content, number, port, time, is_double=isinstance(text, str), zone=zone)
    return frame(5, body, serial=serial, mac=mac)


def states(*codes: int, mac: bytes = MAC) -> bytes:
    return frame(7, bytes([len(codes), *codes]), mac=mac)


def signals(*csq: int) -> bytes:
    return frame(13, bytes([len(csq), *csq]))


def ack(kind: int, *, is_ok: bool = True, serial: int = 6, mac: bytes = MAC) -> bytes:
    return frame(kind + 1, b"\0" if is_ok else b"\1", serial=serial, mac=mac)
