"""Giving a box a message to send, and asking it what became of it, as its pushes do not say of which they tell."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple

from aiohttp import ClientConnectorError, ClientError

from goip.errors import GoipError, InvalidPayload, Unauthorized
from goip.gateways.asking import BoxLink
from goip.gateways.dinstar.asking import SEND_SMS_PATH, decode_send_answer
from goip.gateways.dinstar.results import RESULT_PATH, Result, decode_result, encode_query, refusal_of
from goip.gateways.outcome import Outcome

_TROUBLE = (ClientError, OSError, GoipError)
_NOT_TOLD = "the box does not say what became of it"


class Patience(NamedTuple):
    """Seconds: between two questions what became of a message, at first and at most, and until it is given up."""

    first: float = 1.0
    longest: float = 10.0
    total: float = 180.0


PATIENCE = Patience()


class Sender:
    """Sends by one box."""

    def __init__(self, link: BoxLink, patience: Patience = PATIENCE) -> None:
        self._link = link
        self._patience = patience

    async def send(self, user_id: int, body: bytes, *, is_repeat: bool) -> Outcome:
        """What became of the message with that number. With `is_repeat` the box is given it if it does not know it."""
        try:
            if not is_repeat or not (await self._result(user_id)).is_known:
                return await self._post(user_id, body)
        except _TROUBLE as trouble:
            return Outcome("unconfirmed", reason=_words_of(trouble))
        return await self._followed(user_id, _NOT_TOLD)

    async def _post(self, user_id: int, body: bytes) -> Outcome:
        """A post without an answer is not repeated: the box may have taken it, and then knows its number."""
        reason = _NOT_TOLD
        try:
            async with self._link.asking(SEND_SMS_PATH, body=body) as answer:
                refusal = refusal_of(decode_send_answer(answer))
            if refusal is not None:
                return refusal
        except _TROUBLE as trouble:
            reason = _words_of(trouble)
            if _has_not_taken(trouble):
                return Outcome("failed", reason=reason)
        return await self._followed(user_id, reason)

    async def _followed(self, user_id: int, reason: str) -> Outcome:
        """Ask until it is known what became of the message, or for too long."""
        loop = asyncio.get_running_loop()
        pause, longest, total = self._patience
        ends_at = loop.time() + total
        while loop.time() + pause <= ends_at:
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            with suppress(*_TROUBLE):
                outcome = (await self._result(user_id)).outcome
                if outcome is not None:
                    return outcome
        return Outcome("unconfirmed", reason=reason)

    async def _result(self, user_id: int) -> Result:
        async with self._link.asking(RESULT_PATH, body=encode_query(user_id)) as answer:
            return decode_result(answer, user_id)


def _has_not_taken(trouble: Exception) -> bool:
    """True where the box has not heard the request, or has refused it."""
    is_refused = isinstance(trouble, InvalidPayload) and trouble.code == "box_refused"
    return is_refused or isinstance(trouble, ClientConnectorError | Unauthorized)


def _words_of(trouble: Exception) -> str:
    return str(trouble) or "no answer"
