"""What a caller shows, found in headers, query and cookies. Header mappings ignore case, as aiohttp's do."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACCESS_COOKIE = "goip_access"
REFRESH_COOKIE = "goip_refresh"
CSRF_COOKIE = "goip_csrf"
CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, slots=True)
class CookieRule:
    """Where a cookie is sent, and whether the page may read it."""

    path: str
    is_http_only: bool


COOKIES: Mapping[str, CookieRule] = {
    ACCESS_COOKIE: CookieRule("/", is_http_only=True),
    REFRESH_COOKIE: CookieRule("/api/auth", is_http_only=True),
    CSRF_COOKIE: CookieRule("/", is_http_only=False),
}


def key_in_headers(headers: Mapping[str, str]) -> str | None:
    """The key or token that headers show: Bearer, `X-Api-Key`, or the password of HTTP Basic."""
    return (
        _after_scheme(headers, "bearer") or headers.get("X-Api-Key", "").strip() or _basic_password(headers)
    )


def key_in_query(query: Mapping[str, str]) -> str | None:
    """The key or token of `?key=`."""
    return query.get("key", "").strip() or None


def cookie_attributes(name: str, *, is_https: bool) -> dict[str, Any]:
    """The attributes of one of our cookies, in the names that aiohttp's responses take.

    Strict for all: the page is served to a stranger's link without them, and asks for its data by itself.
    """
    rule = COOKIES[name]
    return {"path": rule.path, "httponly": rule.is_http_only, "secure": is_https, "samesite": "Strict"}


def _basic_password(headers: Mapping[str, str]) -> str | None:
    encoded = _after_scheme(headers, "basic")
    if encoded is None:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return text.partition(":")[2] or None


def _after_scheme(headers: Mapping[str, str], scheme: str) -> str | None:
    named, _, rest = headers.get("Authorization", "").strip().partition(" ")
    return rest.strip() or None if named.lower() == scheme else None
