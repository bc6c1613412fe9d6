"""What one publication of the wire log tells."""

from __future__ import annotations

from collections.abc import Sequence

from goip.gateways.mqtt.decode import Address, Departure, address_of, told_by
from goip.models import Told

_VERB = "PUBLISH "


def head_of(topic: str, qos: int, *, is_repeat: bool) -> str:
    """The head of a publication, as the wire log keeps it."""
    return f"{_VERB}{topic}\nQoS: {qos}" + ("\nDUP: 1" if is_repeat else "")


def address_in(head: str) -> Address:
    """Whom it is about, by its topic. Raises InvalidPayload, NotFound."""
    return address_of(head.partition("\n")[0].removeprefix(_VERB))


def told_by_publication(head: str, payload: bytes) -> Sequence[Told]:
    """What it tells; nothing where it only says that the device is gone. Raises what its decoder raises."""
    told = told_by(address_in(head), payload)
    return () if isinstance(told, Departure) else (told,)
