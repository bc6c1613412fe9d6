"""What phone apps push, with the key of an address that anybody may enrol with, and how their senders sign it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from json import dumps

from goip.errors import InvalidPayload, Unauthorized
from goip.gateways import HttpMake, Push
from tests.gateways import posting
from tests.gateways.posting import NOW, check_promises

__all__ = ["KEY", "NOW", "check_survives", "hex_hmac", "push"]

KEY = posting.push().key


def push(
    body: object = b"",
    path: str = "",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    device_id: str | None = None,
) -> Push:
    """A push with this body, JSON where it is no bytes."""
    raw = body if isinstance(body, bytes) else dumps(body).encode()
    return posting.push(raw, headers=headers, device_id=device_id, path=path)._replace(method=method)


def hex_hmac(signed: bytes, key: str = KEY) -> str:
    """As the senders make it."""
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def check_survives(make: HttpMake, pushed: Push) -> None:
    """It is decoded to what a database can store and answered, or refused in words that an answer can carry."""
    check_promises(make.decode, pushed)
    try:
        make.decode(pushed)
    except (InvalidPayload, Unauthorized):
        return
    assert 200 <= make.reply(pushed).status < 500
    assert make.is_hearsay(pushed) in (True, False)
