"""API tokens for scripts, for administrators."""

from __future__ import annotations

from aiohttp import web

from goip.api.appkeys import CLOCK, KEYRING, PRINCIPAL
from goip.api.bodies import answer, load, read_json
from goip.api.schemas.auth import TokenCreate
from goip.api.users import number_of
from goip.clock import iso_or_none, to_iso
from goip.errors import InvalidPayload
from goip.store.keys import Key
from goip.wire import Json

_KIND = "api"


async def list_tokens(request: web.Request) -> web.Response:
    """`GET /api/tokens`: those that are not revoked, oldest first."""
    keys = await request.app[KEYRING].list_keys(_KIND)
    return answer({"tokens": [_token_json(key) for key in keys], "nextCursor": None, "total": len(keys)})


async def create_token(request: web.Request) -> web.Response:
    """`POST /api/tokens`: a token with scopes; shown this once."""
    body = load(TokenCreate(), await read_json(request))
    if body["expires_at"] is not None and body["expires_at"] <= request.app[CLOCK]():
        raise InvalidPayload(
            "expiresAt must be in the future", fields={"expiresAt": ["Must be in the future."]}
        )
    keyring = request.app[KEYRING]
    key, text = await keyring.add_api_token(
        body["name"], body["scopes"], body["expires_at"], request[PRINCIPAL].user_id
    )
    return answer({"token": _token_json(key), "apiToken": text}, status=201)


async def delete_token(request: web.Request) -> web.Response:
    """`DELETE /api/tokens/{tokenId}`: it is good no more, and what was opened with it closes."""
    await request.app[KEYRING].revoke_key(number_of(request.match_info["tokenId"], "token"), _KIND)
    return answer({"success": True})


def _token_json(key: Key) -> Json:
    return {
        "id": str(key.id),
        "name": key.name,
        "scopes": sorted(key.scopes),
        "userId": None if key.user_id is None else str(key.user_id),
        "createdAt": to_iso(key.created_at),
        "expiresAt": iso_or_none(key.expires_at),
        "firstUsedAt": iso_or_none(key.first_used_at),
    }
