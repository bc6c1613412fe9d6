"""How it ended when a gateway was asked to send a message, or to ask the network by USSD; the same for every make."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Outcome(NamedTuple):
    """How it ended: `unconfirmed` means that it may have been carried out, so that to try again is to risk it twice.

    `reference` is the gateway's number of a message that it took, which reports of it repeat; `text` is the network's
    answer to USSD. `reason` says why not, `error_code` the gateway's or the network's own number for that.
    """

    status: Literal["done", "failed", "unconfirmed"]
    reference: str | None = None
    text: str | None = None
    reason: str | None = None
    error_code: int | None = None
