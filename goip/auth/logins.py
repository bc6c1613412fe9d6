"""Logins: a user proves a password once, and holds tokens after that."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.auth.attempts import LoginTries
from goip.auth.passwords import Passwords, check_password
from goip.auth.principals import Principal, permissions_of
from goip.auth.tokens import Tokens, hash_refresh, new_refresh_token, session_of
from goip.auth.usernames import clean_username, is_username
from goip.clock import Clock
from goip.config import Config
from goip.errors import InvalidPayload, StartupError, Unauthorized
from goip.store import users as stored
from goip.store.store import Store
from goip.store.users import Session, User

log = structlog.get_logger(__name__)

ADMIN = "admin"

_DAY_MS = 86_400_000
_LONGEST_ACCESS_MS = _DAY_MS
"""No setting lets an access token live longer; so long is a revoked session remembered."""

_GRACE_MS = 30_000
_OVERLAP_MS = 60_000
_LONGEST_AGENT = 256
_MOST_KNOWN_PLACES = 20_000

_Turn = tuple[User, str] | Literal["reused"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login and a refresh give."""

    access_token: str
    refresh_token: str
    expires_in_seconds: int
    user: User


class Logins:
    """Who is logged in. `open` it when the store is open."""

    def __init__(
        self, store: Store, config: Config, clock: Clock, *, passwords: Passwords | None = None
    ) -> None:
        self.passwords = passwords or Passwords()
        self._store = store
        self._config = config
        self._clock = clock
        self._tokens: Tokens
        self._tries = LoginTries(clock)
        self._revoked: dict[str, int] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._caught_up_at = 0

    async def open(self) -> None:
        """Load what is needed to judge tokens. Raises StartupError for a bad `GOIP_SECRET_KEY`."""
        secret = self._config.secret_key
        if not secret:
            secret = await self._store.setting("secret_key", lambda: secrets.token_urlsafe(48))
        self._tokens = Tokens(secret, self._clock)
        self._caught_up_at = self._clock() - _LONGEST_ACCESS_MS
        await self.catch_up()

    def add_listener(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of every session that is revoked."""
        self._listeners.append(listener)

    async def catch_up(self) -> None:
        """Take over what other processes revoked since the last time; meant for every few seconds."""
        now = self._clock()
        async with self._store.reading() as connection:
            revoked = await stored.list_revoked_sessions(connection, self._caught_up_at - _OVERLAP_MS)
        self._caught_up_at = now
        self.forget(revoked)
        over = now - _LONGEST_ACCESS_MS - _OVERLAP_MS
        for session_id in [known for known, at in self._revoked.items() if at < over]:
            del self._revoked[session_id]

    async def login(self, username: str, password: str, address: str, agent: str) -> Grant:
        """Begin a session. Raises Unauthorized, and TooManyRequests after too many of those."""
        user = await self.prove(username, password, address)
        grant = await self._begin_session(user, password, address, agent)
        log.info("login.accepted", user_id=user.id, address=address)
        return grant

    async def prove(self, username: str, password: str, address: str) -> User:
        """The user whose password this is, without a session. Raises Unauthorized and TooManyRequests."""
        name = clean_username(username)
        attempt = self._tries.begin(name, address)
        try:
            user = await self._check(name, password)
        except Unauthorized:
            log.info("login.refused", address=address)
            raise
        except Exception:  # our own trouble: nobody guessed wrong
            self._tries.undo(attempt)
            raise
        self._tries.succeeded(attempt)
        return user

    async def refresh(self, refresh_token: str) -> Grant:
        """A new pair of tokens for a refresh token; that one is used up.

        Raises Unauthorized; for a token that was used up before, after ending its session.
        """
        session_id = session_of(refresh_token)
        async with self._store.reading() as connection:  # a stranger's guess is no work for the writer
            self._need_live(await stored.find_session(connection, session_id))
        turn = await self._store.transact(lambda connection: self._turn(connection, refresh_token))
        if turn == "reused":
            self.forget([session_id])
            raise Unauthorized("this refresh token was used before: log in again", code="session_revoked")
        user, following = turn
        return self._grant(user, following)

    async def logout(self, session_id: str) -> None:
        """End a session: its tokens are good no more."""
        at = self._clock()
        await self._store.transact(
            lambda connection: stored.revoke_sessions(connection, at=at, session_id=session_id)
        )
        self.forget([session_id])

    async def logout_by(self, refresh_token: str) -> None:
        """End the session of a refresh token. Raises Unauthorized when it is not the newest of one."""
        session_id = session_of(refresh_token)
        async with self._store.reading() as connection:
            session = self._need_live(await stored.find_session(connection, session_id))
        if not hmac.compare_digest(hash_refresh(refresh_token), session.refresh_hash):
            raise _session_over()
        await self.logout(session_id)

    def authenticate(self, access_token: str) -> Principal:
        """Who shows this access token: no database is asked. Raises Unauthorized."""
        claims = self._tokens.read(access_token)
        if claims.session_id in self._revoked:
            raise _session_over()
        return Principal(
            kind="user",
            permissions=permissions_of(claims.role),
            user_id=claims.user_id,
            username=claims.username,
            role=claims.role,
            session_id=claims.session_id,
            expires_at=claims.expires_at,
        )

    def forget(self, session_ids: Iterable[str]) -> None:
        """These sessions were revoked, and that is committed: from now on their access tokens fail."""
        for session_id in session_ids:
            if session_id in self._revoked:
                continue
            self._revoked[session_id] = self._clock()
            for listener in self._listeners:
                try:
                    listener(session_id)
                except Exception:
                    log.exception("login.listener")

    async def ensure_admin(self, password: str = "") -> str | None:
        """Make the user `admin` where there is no user yet.

        Returns the password when it had to be made up, to be shown once. Raises StartupError for a given
        one that is too weak.
        """
        async with self._store.reading() as connection:
            if await stored.list_users(connection):
                return None
        made_up = None if password else secrets.token_urlsafe(15)
        try:
            check_password(made_up or password, ADMIN)
        except InvalidPayload as error:
            raise StartupError(f"GOIP_ADMIN_PASSWORD: {error.message}") from error
        password_hash, at = await self.passwords.hash(made_up or password), self._clock()
        await self._store.transact(
            lambda connection: stored.add_user(
                connection, username=ADMIN, password_hash=password_hash, role="admin", at=at
            )
        )
        return made_up

    async def _check(self, name: str, password: str) -> User:
        user = None
        if is_username(name):
            async with self._store.reading() as connection:
                user = await stored.find_user(connection, username=name)
        is_right = await self.passwords.verify(password, user.password_hash if user else None)
        if user is None or not is_right or not user.is_active:
            raise _wrong()
        return user

    async def _begin_session(self, user: User, password: str, address: str, agent: str) -> Grant:
        now, refresh_token = self._clock(), new_refresh_token()
        session = Session(
            id=session_of(refresh_token),
            user_id=user.id,
            refresh_hash=hash_refresh(refresh_token),
            refreshed_at=now,
            expires_at=self._session_expiry(now),
        )
        changes: dict[str, Any] = {"last_login_at": now}
        if self.passwords.is_outdated(user.password_hash):
            changes["password_hash"] = await self.passwords.hash(password)

        async def work(connection: AsyncConnection) -> User:
            # Between the proof and now an administrator may have shut the user out.
            current = await stored.find_user(connection, user_id=user.id)
            if current is None or not current.is_active or current.password_hash != user.password_hash:
                raise _wrong()
            await stored.add_session(connection, session, address=address, agent=_clean_agent(agent))
            await stored.change_user(connection, user.id, **changes)
            return current

        return self._grant(await self._store.transact(work), refresh_token)

    async def _turn(self, connection: AsyncConnection, shown: str) -> _Turn:
        """Decide on a refresh token, inside the one transaction that may change its session.

        The token before the newest is good for a few seconds more, and is given the same successor: two
        tabs that refresh at once, or one whose answer was lost on the way, end up with the same newest
        token, in whatever order the answers arrive. Nothing is remembered for it: the successor is
        computed, so "the one before" is the token whose successor is the stored one.
        """
        now = self._clock()
        session = self._need_live(await stored.find_session(connection, session_of(shown)))
        user = await stored.find_user(connection, user_id=session.user_id)
        if user is None or not user.is_active:
            raise _session_over()
        following = self._tokens.following(shown)
        following_hash = hash_refresh(following)
        if hmac.compare_digest(hash_refresh(shown), session.refresh_hash):
            await stored.rotate_session(
                connection, session.id, following_hash, at=now, expires_at=self._session_expiry(now)
            )
            return user, following
        is_the_one_before = hmac.compare_digest(following_hash, session.refresh_hash)
        if is_the_one_before and now - session.refreshed_at <= _GRACE_MS:
            return user, following
        # Returned, not raised: raising would roll this back.
        await stored.revoke_sessions(connection, at=now, session_id=session.id)
        log.warning("login.refresh_token_reused", user_id=user.id)
        return "reused"

    def _grant(self, user: User, refresh_token: str) -> Grant:
        lives_seconds = self._config.access_token_seconds
        access_token = self._tokens.access(
            user_id=user.id,
            username=user.username,
            role=user.role,
            session_id=session_of(refresh_token),
            lives_seconds=lives_seconds,
        )
        return Grant(access_token, refresh_token, lives_seconds, user)

    def _need_live(self, session: Session | None) -> Session:
        if session is None or session.revoked_at is not None or self._clock() >= session.expires_at:
            raise _session_over()
        return session

    def _session_expiry(self, now: int) -> int:
        return now + self._config.refresh_token_days * _DAY_MS


def _wrong() -> Unauthorized:
    return Unauthorized("wrong username or password", code="wrong_credentials")


def _session_over() -> Unauthorized:
    return Unauthorized("this session is over: log in again", code="session_revoked")


def _clean_agent(agent: str) -> str:
    """A header may hold bytes that are no text, and be long."""
    return agent.encode("utf-8", "replace").decode()[:_LONGEST_AGENT]
