"""Access tokens (JWT) and refresh tokens: how they are written and read.

An access token is good by itself until it expires. A refresh token, `sessionId.secret`, is good once: it is
stored as SHA-256, and its successor is computed from it with the server's secret, so whoever shows the
same one twice can be given the same successor.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any

import jwt

from goip.clock import Clock
from goip.errors import StartupError, Unauthorized

ISSUER = "goip"
SHORTEST_SECRET = 32

_ALGORITHM = "HS256"
_CLAIMS = ["iss", "sub", "sid", "name", "role", "iat", "exp"]
_LONGEST_TOKEN = 4096
_REFRESH = re.compile(r"([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says. `expires_at` is ms since the epoch."""

    user_id: int
    username: str
    role: str
    session_id: str
    expires_at: int


class Tokens:
    """Writes and reads tokens with keys that are derived from one secret.

    Raises StartupError for a secret that is too short to be one.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise StartupError(f"GOIP_SECRET_KEY must have at least {SHORTEST_SECRET} characters")
        self._clock = clock
        self._access_key = _derive(secret, "access tokens")
        self._refresh_key = _derive(secret, "refresh tokens")

    def access(self, *, user_id: int, username: str, role: str, session_id: str, lives_seconds: int) -> str:
        """An access token that begins now."""
        now = self._clock() // 1000
        claims = {
            "iss": ISSUER,
            "sub": str(user_id),
            "sid": session_id,
            "name": username,
            "role": role,
            "iat": now,
            "exp": now + lives_seconds,
        }
        return jwt.encode(claims, self._access_key, algorithm=_ALGORITHM)

    def read(self, access_token: str) -> Claims:
        """What the token says; raises Unauthorized for one that is not ours, or is over."""
        if len(access_token) > _LONGEST_TOKEN:
            raise _not_ours()
        try:
            claims: dict[str, Any] = jwt.decode(
                access_token,
                self._access_key,
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                # Times are held against our own clock, below.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            expires_at = int(claims["exp"]) * 1000
            read = Claims(int(claims["sub"]), claims["name"], claims["role"], claims["sid"], expires_at)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise _not_ours() from error
        if self._clock() >= expires_at:
            raise Unauthorized("the access token has expired", code="token_expired")
        return read

    def following(self, refresh_token: str) -> str:
        """The refresh token that comes after this one: always the same, and nobody else can tell it."""
        session_id = session_of(refresh_token)
        digest = hmac.digest(self._refresh_key, refresh_token.encode(), "sha256")
        return f"{session_id}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def new_refresh_token() -> str:
    """The first refresh token of a new session, whose id it begins with."""
    return f"{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"


def session_of(refresh_token: str) -> str:
    """The id of the session that the refresh token is of; raises Unauthorized when it is no refresh token."""
    found = _REFRESH.fullmatch(refresh_token)
    if found is None:
        raise Unauthorized("this is not a refresh token", code="invalid_token")
    return found[1]


def hash_refresh(refresh_token: str) -> str:
    """What is stored of a refresh token."""
    return hashlib.sha256(refresh_token.encode()).hexdigest()


def _derive(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), f"goip {purpose}".encode(), "sha256")


def _not_ours() -> Unauthorized:
    return Unauthorized("the access token is not valid", code="invalid_token")
