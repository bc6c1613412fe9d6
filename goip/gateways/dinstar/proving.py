"""How a box is shown who asks: as it wants to be, by Digest or by Basic; firmwares differ, and none says before."""

from __future__ import annotations

from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    DigestAuthMiddleware,
    encode_basic_auth,
    hdrs,
)

from goip.addresses import BoxAddress


def proving(box: BoxAddress) -> tuple[ClientMiddlewareType, ...]:
    """For every request to the box. The password goes over the line only where the box asks for Basic."""
    basic = encode_basic_auth(box.username, box.secret)

    async def prove_by_basic(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        response = await handler(request)
        if response.status != 401 or not _asks_for_basic(response):
            return response
        request.headers[hdrs.AUTHORIZATION] = basic
        return await handler(request)

    return DigestAuthMiddleware(box.username, box.secret), prove_by_basic


def _asks_for_basic(response: ClientResponse) -> bool:
    return response.headers.get(hdrs.WWW_AUTHENTICATE, "").lower().startswith("basic")
