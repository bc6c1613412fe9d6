"""What becomes of a message that a box was given to send, by its answer and by `query_sms_result`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from goip.digest import digest_of
from goip.gateways.dinstar.asking import SendAnswer, rows_in
from goip.gateways.dinstar.values import Row, whole_of, word_of
from goip.gateways.outcome import Outcome

RESULT_PATH = "/api/query_sms_result"

_REASONS: Mapping[int, str] = {
    400: "the box does not understand the request",
    404: "the box has no such port",
    413: "too many recipients, or too long a text",
    486: "the port is busy",
    500: "the box is in trouble",
    503: "the port is not registered",
    550: "no port is free",
}
_SENT = frozenset({"SENT", "SENT_OK", "DELIVERED"})
_NOT_SENT = "FAIL"
_MOST_ID = 2**31 - 1


class Result(NamedTuple):
    """What a box knows of a message; `outcome` is None as long as it is under way, or where it knows nothing."""

    is_known: bool
    outcome: Outcome | None = None


def user_id_of(epoch: str, message_id: int) -> int:
    """The number by which the box is asked about that message of this database: the same again for the same."""
    return int(digest_of(epoch, message_id)[:8], 16) % _MOST_ID + 1


def refusal_of(answer: SendAnswer) -> Outcome | None:
    """Why a box does not take a message; None where it does."""
    if answer.is_accepted:
        return None
    reason = _REASONS.get(answer.code, f"the box answers with the code {answer.code}")
    return Outcome("failed", reason=reason, error_code=answer.code)


def encode_query(user_id: int) -> bytes:
    """Asks what became of the message with that number."""
    return orjson.dumps({"user_id": [user_id]})


def decode_result(body: bytes, user_id: int) -> Result:
    """What an answer says of that message. Raises InvalidPayload for what is no answer."""
    rows = [row for row in rows_in(body, "result") or () if whole_of(row, "user_id", _MOST_ID) == user_id]
    outcomes = [outcome for outcome in map(_outcome, rows) if outcome is not None]
    best = next((outcome for outcome in outcomes if outcome.status == "done"), None)
    if best is None and outcomes and len(outcomes) == len(rows):
        best = outcomes[-1]
    return Result(is_known=bool(rows), outcome=best)


def _outcome(row: Row) -> Outcome | None:
    """Done is what the network has taken; its number of it wraps after 255."""
    status = (word_of(row, "status") or "").upper()
    if status in _SENT:
        return Outcome("done", reference=word_of(row, "ref_id"))
    if _NOT_SENT in status:
        n_sent, n_parts = word_of(row, "succ_count"), word_of(row, "count")
        parts = f": {n_sent} of {n_parts} parts sent" if n_sent and n_parts else ""
        return Outcome("failed", reason=f"not sent{parts}")
    return None
