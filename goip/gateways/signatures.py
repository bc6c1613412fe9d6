"""Signatures under what phone apps and their servers push: HMAC-SHA256, with the key that stands in the address.

The key in the address alone says who pushes. Where a push is signed too, its signature has to hold.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson

from goip.errors import Unauthorized
from goip.gateways import Push

SKEW_SECONDS = 300
"""How far a sender's clock may be off, and for how long a push that somebody overheard is good."""

_SIGNATURE = "X-Signature"
_TIMESTAMP = "X-Timestamp"
_LONGEST_SECONDS = 12
_MEND = "enter the key that stands in this address as the signing key of the app or webhook"


def check_signature(push: Push) -> None:
    """Hold a push to its `X-Signature`, where it has one: the hex HMAC of the body. Raises Unauthorized."""
    if _SIGNATURE in push.headers:
        _compare(push, push.body)


def check_timed_signature(push: Push) -> None:
    """The same, of the body and the text of `X-Timestamp` after it, epoch s, which must be of now.

    Raises Unauthorized, also for a signature that would have held some minutes ago.
    """
    if _SIGNATURE not in push.headers:
        return
    told = push.headers.get(_TIMESTAMP, "")
    _compare(push, push.body + _bytes(told))
    is_number = told.isascii() and told.isdigit() and len(told) <= _LONGEST_SECONDS
    off_seconds = abs(push.received_at // 1000 - int(told)) if is_number else None
    if off_seconds is None or off_seconds > SKEW_SECONDS:
        raise Unauthorized(
            f"{_TIMESTAMP} is not within {SKEW_SECONDS // 60} minutes of now: set the phone's clock",
            code="stale_signature",
        )


def check_token(push: Push) -> None:
    """Hold a push to the bearer JWT (HS256) in its `Authorization`, where it has one. Raises Unauthorized."""
    scheme, _, token = push.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return
    signed, _, told = token.strip().rpartition(".")
    wanted = urlsafe_b64encode(_hmac(push, _bytes(signed))).rstrip(b"=")
    if not hmac.compare_digest(_bytes(told), wanted):
        raise Unauthorized(f"the token in Authorization does not hold: {_MEND}", code="invalid_signature")
    ends_at = _claims(signed).get("exp")
    if not isinstance(ends_at, int) or push.received_at // 1000 > ends_at + SKEW_SECONDS:
        raise Unauthorized("the token in Authorization has expired", code="stale_signature")


def _compare(push: Push, signed: bytes) -> None:
    told = push.headers[_SIGNATURE].strip().lower()
    if not hmac.compare_digest(_bytes(told), _bytes(_hmac(push, signed).hex())):
        raise Unauthorized(f"{_SIGNATURE} does not hold: {_MEND}", code="invalid_signature")


def _hmac(push: Push, signed: bytes) -> bytes:
    return hmac.digest(_bytes(push.key), signed, "sha256")


def _claims(signed: str) -> dict[str, Any]:
    """What a token claims whose signature holds."""
    encoded = signed.partition(".")[2]
    try:
        claims = orjson.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _bytes(text: str) -> bytes:
    """What a header holds may be anything, and is compared all the same."""
    return text.encode("utf-8", "replace")
