"""Against requests that another site makes a browser send: what came by cookie must say a cookie's secret.

Another site can make the browser send our cookies, and cannot read them, so only our page can repeat the
value of `goip_csrf` in a header.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

from goip.auth.credentials import CSRF_COOKIE, CSRF_HEADER
from goip.errors import Forbidden


def new_csrf_token() -> str:
    """The value of a new `goip_csrf`."""
    return secrets.token_urlsafe(24)


def check(cookies: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """For a request that changes something and was proved by cookie: raises Forbidden without the header."""
    cookie, header = cookies.get(CSRF_COOKIE), headers.get(CSRF_HEADER)
    if not cookie or not header or not hmac.compare_digest(_bytes(cookie), _bytes(header)):
        raise Forbidden(
            f"{CSRF_HEADER} must repeat the cookie {CSRF_COOKIE}: reload the page and try again", code="csrf"
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
