"""Logging in and out, for programs by JSON and for the page by cookies."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from goip.api.appkeys import CONFIG, KEYRING, LOGINS, PRINCIPAL, STORE
from goip.api.bodies import answer, load, read_json
from goip.api.callers import address_of, is_secure, principal_of
from goip.api.schemas.auth import LoginBody, PasswordBody, RefreshBody
from goip.auth import csrf
from goip.auth.credentials import (
    ACCESS_COOKIE,
    COOKIES,
    CSRF_COOKIE,
    REFRESH_COOKIE,
    cookie_attributes,
)
from goip.auth.logins import Grant
from goip.auth.principals import Principal
from goip.auth.users import UserChanges, change_user
from goip.clock import iso_or_none
from goip.errors import InvalidPayload, Unauthorized

_DAY_SECONDS = 86_400


async def login(request: web.Request) -> web.Response:
    """`POST /api/auth/login`: a pair of tokens for a password, in the answer and in cookies."""
    body = load(LoginBody(), await read_json(request))
    agent = request.headers.get("User-Agent", "")
    grant = await request.app[LOGINS].login(body["username"], body["password"], address_of(request), agent)
    return _granted(request, grant, csrf.new_csrf_token())


async def refresh(request: web.Request) -> web.Response:
    """`POST /api/auth/refresh`: a new pair for a refresh token, which is used up. A public route."""
    token = await _shown_refresh_token(request)
    if token is None:
        raise Unauthorized("show a refresh token", code="token_required")
    grant = await request.app[LOGINS].refresh(token)
    # The page's other tabs may be sending the value that they know: it stays as long as the login.
    return _granted(request, grant, request.cookies.get(CSRF_COOKIE) or csrf.new_csrf_token())


async def logout(request: web.Request) -> web.Response:
    """`POST /api/auth/logout`: end the session that either token is of. A public route.

    It asks for no access token that is still good, or nobody could log out after a long lunch; to log out
    twice is no error.
    """
    logins = request.app[LOGINS]
    token = await _shown_refresh_token(request)
    with suppress(Unauthorized):
        session_id = principal_of(request).session_id
        if session_id is not None:
            await logins.logout(session_id)
    if token is not None:
        with suppress(Unauthorized):
            await logins.logout_by(token)
    response = answer({"success": True})
    for name in COOKIES:
        response.del_cookie(name, **cookie_attributes(name, is_https=is_secure(request)))
    return response


async def me(request: web.Request) -> web.Response:
    """`GET /api/auth/me`: who is asking; of a script, no more than whose it is."""
    principal = request[PRINCIPAL]
    user = {
        "id": None if principal.user_id is None else str(principal.user_id),
        "username": principal.username,
        "role": principal.role,
        "customerId": None,
    }
    return answer({"user": user, "expiresAt": iso_or_none(principal.expires_at)})


async def change_password(request: web.Request) -> web.Response:
    """`POST /api/auth/password`: the caller's own; their other sessions end."""
    body = load(PasswordBody(), await read_json(request))
    user_id = await _prove_again(request, request[PRINCIPAL], body["current_password"])
    await change_user(
        request.app[STORE],
        request.app[LOGINS],
        request.app[KEYRING],
        user_id,
        UserChanges(password=body["new_password"]),
        own_session_id=request[PRINCIPAL].session_id,
        wire_name="newPassword",
    )
    return answer({"success": True})


async def _prove_again(request: web.Request, principal: Principal, password: str) -> int:
    """The caller's user id, once the password holds. No 401: a page would take that for a lost session."""
    try:
        user = await request.app[LOGINS].prove(principal.username or "", password, address_of(request))
    except Unauthorized:
        raise InvalidPayload(
            "currentPassword is wrong", code="wrong_credentials", fields={"currentPassword": ["Is wrong."]}
        ) from None
    return user.id


async def _shown_refresh_token(request: web.Request) -> str | None:
    """The refresh token of the body, or of the cookie when the request is one of our page."""
    body = load(RefreshBody(), await read_json(request) if request.body_exists else {})
    token: str | None = body["refresh_token"]
    if token:
        return token
    cookie = request.cookies.get(REFRESH_COOKIE)
    if cookie:
        csrf.check(request.cookies, request.headers)
    return cookie or None


def _granted(request: web.Request, grant: Grant, csrf_token: str) -> web.Response:
    user = grant.user
    response = answer(
        {
            "accessToken": grant.access_token,
            "refreshToken": grant.refresh_token,
            "expiresIn": grant.expires_in_seconds,
            "user": {"id": str(user.id), "username": user.username, "role": user.role},
        }
    )
    login_seconds = request.app[CONFIG].refresh_token_days * _DAY_SECONDS
    for name, value, seconds in (
        (ACCESS_COOKIE, grant.access_token, grant.expires_in_seconds),
        (REFRESH_COOKIE, grant.refresh_token, login_seconds),
        (CSRF_COOKIE, csrf_token, login_seconds),
    ):
        attributes = cookie_attributes(name, is_https=is_secure(request))
        response.set_cookie(name, value, max_age=seconds, **attributes)
    return response
