"""SMS Gateway for Android: signatures that hold, that do not, and that did; and whatever else may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import Unauthorized
from goip.gateways.capcom6 import MAKE
from goip.gateways.signatures import SKEW_SECONDS
from tests.gateways.phone_pushes import NOW, check_survives, hex_hmac, push
from tests.gateways.test_capcom6 import CARD, HEALTH, OUTGOING, RECEIVED, event
from tests.test_validation import json_values, texts


def signed(
    body: object = RECEIVED, at_seconds: float = NOW // 1000, key: str | None = None, **headers: str
) -> Any:
    """A push as the app signs it."""
    raw = json.dumps(body).encode()
    stamp = str(int(at_seconds))
    signature = hex_hmac(raw + stamp.encode(), key) if key else hex_hmac(raw + stamp.encode())
    return push(raw, headers={"X-Signature": signature, "X-Timestamp": stamp} | headers)


def test_a_signature_with_the_key_of_the_address_holds() -> None:
    assert MAKE.decode(signed()) == MAKE.decode(push(RECEIVED))
    shouted = signed().headers["X-Signature"].upper()
    assert MAKE.decode(signed(**{"X-Signature": shouted})) == MAKE.decode(push(RECEIVED))


def test_a_retry_with_a_fresh_signature_is_the_same_message() -> None:
    later = signed(at_seconds=NOW // 1000 + 100)
    assert later.headers["X-Signature"] != signed().headers["X-Signature"]
    assert MAKE.decode(later) == MAKE.decode(signed())


@pytest.mark.parametrize("off", [-SKEW_SECONDS, SKEW_SECONDS])
def test_a_clock_may_be_five_minutes_off(off: int) -> None:
    assert MAKE.decode(signed(at_seconds=NOW // 1000 + off))


@pytest.mark.parametrize("off", [-SKEW_SECONDS - 1, SKEW_SECONDS + 1, -86_400])
def test_a_stale_signature_is_refused_and_the_clock_named(off: int) -> None:
    with pytest.raises(Unauthorized, match="clock") as refused:
        MAKE.decode(signed(at_seconds=NOW // 1000 + off))
    assert refused.value.code == "stale_signature"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": ""},
        {"X-Signature": "00"},
        {"X-Signature": "\udcff☃"},
        {"X-Timestamp": "1"},
        {"X-Timestamp": ""},
        {"X-Timestamp": "☃"},
    ],
)
def test_a_signature_that_does_not_hold_tells_which_key_to_enter(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized, match="enter the key that stands in this address as the signing key"):
        MAKE.decode(signed(**headers))


def test_another_key_or_another_body_does_not_hold() -> None:
    with pytest.raises(Unauthorized):
        MAKE.decode(signed(key="random12"))
    with pytest.raises(Unauthorized):
        MAKE.decode(signed()._replace(body=json.dumps({**RECEIVED, "id": "x"}).encode()))


@pytest.mark.parametrize("stamp", ["", "soon", "1e9", "-5", "9" * 40, "²"])
def test_a_time_that_is_none_is_stale_even_if_signed(stamp: str) -> None:
    raw = json.dumps(RECEIVED).encode()
    headers = {"X-Signature": hex_hmac(raw + stamp.encode()), "X-Timestamp": stamp}
    with pytest.raises(Unauthorized) as refused:
        MAKE.decode(push(raw, headers=headers))
    assert refused.value.code == "stale_signature"


NAMES = ["messages", "simCards", "health", "message", "data", "subject", "body", "attachments", "simNumber"]
EVENTS = [
    "sms:received",
    "sms:data-received",
    "sms:batch:received",
    "mms:downloaded",
    "sms:failed",
    "app:started",
    "x",
]
payloads = json_values | st.dictionaries(st.sampled_from([*NAMES, *CARD, *OUTGOING]), json_values, max_size=6)
near_events = st.fixed_dictionaries(
    {"event": st.sampled_from(EVENTS), "payload": payloads},
    optional={"deviceId": st.just("a") | json_values, "id": json_values},
)
near_pings = st.dictionaries(st.sampled_from(sorted(HEALTH["checks"])), json_values, max_size=4).map(
    lambda checks: event("system:ping", {"health": {"checks": checks}})
)


@given(json_values | near_events | near_pings, st.none() | texts, st.none() | texts)
def test_whatever_comes_is_decoded_storable_or_refused(
    body: object, signature: str | None, stamp: str | None
) -> None:
    told_headers = {"X-Signature": signature, "X-Timestamp": stamp}
    headers = {name: value for name, value in told_headers.items() if value is not None}
    check_survives(MAKE, push(body, headers=headers))


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_decoded_or_refused(body: bytes) -> None:
    check_survives(MAKE, push(body, device_id="a"))
