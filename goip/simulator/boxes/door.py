"""The web server of a box: where an application asks it, and how the box makes sure who that is."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from base64 import b64decode
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import Final
from urllib.request import parse_http_list, parse_keqv_list

from aiohttp import web

HOST: Final = "127.0.0.1"
_USES_OF_A_NONCE = 100
_MOST_NONCES = 100

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    """A web server on this machine; `port` is 0 until it has found a free one, where none was asked for.

    A box that restarts is silent meanwhile and keeps its port, which somebody else could get.
    """

    def __init__(self, handler: Handler, port: int) -> None:
        self.port = port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._is_silent = False

    async def open(self) -> None:
        """Listen, on the port of the last time. Raises ValueError where somebody else does."""
        self._is_silent = False
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(web.Server(self._answer), HOST, self.port)
        except OSError as error:
            raise ValueError(f"cannot listen on port {self.port}: {error.strerror or error}") from error
        self.port = self._server.sockets[0].getsockname()[1]

    def fall_silent(self) -> None:
        """Hang up on everybody, until it is opened again."""
        self._is_silent = True

    def close(self) -> None:
        """Take no further connection."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        return hang_up(request) if self._is_silent else await self._handler(request)


class Guard:
    """Asks for a user and a password: by Digest with MD5 (RFC 7616), or by Basic (RFC 7617) with `is_basic`."""

    def __init__(self, user: str, password: str, realm: str, *, is_basic: bool = False) -> None:
        self._user = user
        self._password = password
        self._realm = realm
        self._is_basic = is_basic
        self._uses: dict[str, int] = {}

    def challenge(self) -> str:
        """What to ask for, as a `WWW-Authenticate`."""
        if self._is_basic:
            return f'Basic realm="{self._realm}"'
        nonce = secrets.token_hex(16)
        if len(self._uses) >= _MOST_NONCES:
            del self._uses[next(iter(self._uses))]
        self._uses[nonce] = 0
        return f'Digest realm="{self._realm}", nonce="{nonce}", qop="auth", algorithm=MD5'

    def lets_in(self, method: str, target: str, shown: str | None) -> bool:
        """Whether the `Authorization` of a request shows that the password is known."""
        scheme, _, rest = (shown or "").partition(" ")
        if scheme.lower() != ("basic" if self._is_basic else "digest"):
            return False
        try:
            if self._is_basic:
                return compare_digest(b64decode(rest), f"{self._user}:{self._password}".encode())
            return self._is_right(method, target, parse_keqv_list(parse_http_list(rest)))
        except (ValueError, KeyError):
            return False

    def _is_right(self, method: str, target: str, told: dict[str, str]) -> bool:
        nonce, count = told["nonce"], int(told["nc"], 16)
        if not self._uses.get(nonce, _USES_OF_A_NONCE) < count <= _USES_OF_A_NONCE:
            return False  # one that is not ours, is used up, or says the same again
        if told["uri"] != target or told["username"] != self._user:
            return False
        proof = _md5(f"{self._user}:{self._realm}:{self._password}")
        words = (proof, nonce, told["nc"], told["cnonce"], "auth", _md5(f"{method}:{target}"))
        if not compare_digest(_md5(":".join(words)), told["response"]):
            return False
        self._uses[nonce] = count
        return True


def hang_up(request: web.BaseRequest) -> web.Response:
    """The connection breaks; nobody hears the answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _md5(words: str) -> str:
    return hashlib.md5(words.encode(), usedforsecurity=False).hexdigest()
