"""Kannel: a `get-url` with the parameters of our guide, a `post-url` with its headers, delivery reports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.kannel import MAKE
from goip.gateways.kannel.decode import decode
from goip.models import DeliveryReport, InboundSms
from tests.gateways.posting import check_promises, patient, push
from tests.test_validation import texts

SENT_AT = 1_795_238_540_000
ID = "6a1c7f1e-9d0b-4f4c-8a6a-1f1a3c5b7d90"
QUERY = (
    "from=%2B15550101&to=%2B15550199&text=Hello%2C+Kannel%21&charset=UTF-8&coding=0"
    f"&time=1795238540&id={ID}&smsc=smpp-7&dlr=-1"
)
SMS = InboundSms(
    "smpp-7", "+15550101", "Hello, Kannel!", sent_at=SENT_AT, recipient="+15550199", message_id=ID
)
HEADERS = {
    "User-Agent": "Kannel/1.4.5",
    "Content-Type": 'text/plain; charset="UTF-8"',
    "X-Kannel-From": "+15550101",
    "X-Kannel-To": "+15550199",
    "X-Kannel-Time": "2026-11-21 05:22:20",
    "Date": "2026-11-21 05:22:21",
    "X-Kannel-SMSC": "smpp-7",
    "X-Kannel-Coding": "0",
    "X-Kannel-Compress": "0",
    "X-Kannel-Service": "goip",
}
_LEFT_ALONE = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()"


def as_kannel_encodes(raw: bytes) -> str:
    """Of letters, digits and a few signs themselves, of the rest their codes, `+` for a space."""
    return "".join(
        chr(byte) if byte in _LEFT_ALONE else "+" if byte == 0x20 else f"%{byte:02X}" for byte in raw
    )


def fetched(query: str, **more: Any) -> InboundSms:
    [told] = decode(push(query=query, device_id="k", **more))
    assert isinstance(told, InboundSms)
    return told


def posted(body: bytes, **headers: str) -> InboundSms:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    [told] = decode(push(body, query=f"id={ID}", headers={**HEADERS, **named}, device_id=None))
    assert isinstance(told, InboundSms)
    return told


def test_a_message_that_is_fetched() -> None:
    assert decode(push(query=QUERY, device_id=None)) == (SMS,)


def test_a_message_that_is_posted() -> None:
    assert posted(b"Hello, Kannel!") == SMS


def test_the_order_of_parameters_and_unknown_ones_do_not_matter() -> None:
    query = "&".join(reversed([*QUERY.split("&"), "keyword=hello"]))
    assert decode(push(query=query, device_id=None)) == (SMS,)


def test_the_name_in_the_address_is_the_devices() -> None:
    assert fetched(QUERY).device_id == "k"


def test_parameters_say_more_than_headers() -> None:
    told = decode(push(b"x", query="from=BANK&smsc=a", headers=HEADERS, device_id=None))[0]
    assert isinstance(told, InboundSms)
    assert (told.sender, told.device_id, told.message) == ("BANK", "a", "x")


def test_a_body_that_looks_like_a_form_is_a_text() -> None:
    assert posted(b"from=me&text=a+b").message == "from=me&text=a+b"
    assert posted(b"from=me&text=a+b").sender == "+15550101"


def test_a_form_is_read_as_such() -> None:
    form = push(QUERY.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}, device_id=None)
    assert decode(form) == (SMS,)


@pytest.mark.parametrize("text", ["Привет ✓ 100% %41 ok", "ÀÁ %C0 ƀ", "漢字+かな", "😀 a&b=c;d"])
def test_every_script_by_every_way(text: str) -> None:
    utf_8, utf_16 = as_kannel_encodes(text.encode()), as_kannel_encodes(text.encode("utf-16-be"))
    assert fetched(f"from=a&text={utf_8}&charset=UTF-8&coding=0").message == text
    assert fetched(f"from=a&text={utf_16}&charset=UTF-16BE&coding=2").message == text
    assert posted(text.encode()).message == text
    assert posted(text.encode("utf-16-be"), Content_Type='text/plain; charset="UTF-16BE"').message == text


def test_latin_and_binary_bodies() -> None:
    assert posted("é".encode("latin-1"), Content_Type="text/plain; charset=ISO-8859-1").message == "é"
    assert posted(b"a\xff\x00", Content_Type="application/octet-stream").message == "a\ufffd\ufffd"
    assert posted(b"caf\xc3\xa9", Content_Type="text/plain").message == "café"
    assert posted(b"a", Content_Type="text/plain; charset=unicode_escape").message == "a"


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("1795238540", SENT_AT),
        ("2026-11-21+05:22:20", SENT_AT),
        ("2026-11-21+05:22", SENT_AT - 20_000),
        ("", None),
        ("%25T", None),
        ("-1", None),
        ("0", None),
        ("soon", None),
    ],
)
def test_times_are_utc(time: str, at: int | None) -> None:
    assert fetched(f"from=a&text=b&time={time}").sent_at == at


@pytest.mark.parametrize("dlr", ["-1", "0", "", "%25d", "x", "1.0", "²", "99999"])
def test_what_is_no_report_is_a_message(dlr: str) -> None:
    assert fetched(f"from=a&text=b&dlr={dlr}").message == "b"


@pytest.mark.parametrize(
    ("dlr", "status"),
    [
        (1, "delivered"),
        (2, "undelivered"),
        (4, "queued"),
        (8, "accepted"),
        (16, "rejected"),
        (32, "intermediate"),
        (64, "64"),
    ],
)
def test_delivery_reports(dlr: int, status: str) -> None:
    query = f"dlr={dlr}&id=out-17&to=%2B15550101&smsc=smpp-7&answer=id%3A1+stat%3ADELIVRD"
    assert decode(push(query=query, device_id=None)) == (
        DeliveryReport("smpp-7", "out-17", status=status, recipient="+15550101"),
    )


def test_a_report_of_nothing_in_particular() -> None:
    assert decode(push(query="dlr=1")) == (DeliveryReport("phone-1", status="delivered"),)


def test_the_answer_is_empty_so_that_nothing_is_sent_back() -> None:
    assert tuple(MAKE.reply(push(query=QUERY))) == (b"", "text/plain", 200)


@pytest.mark.parametrize(
    ("query", "missing"),
    [("text=b", "from"), ("from=+&text=b", "from"), ("from=a", "text"), ("", "from")],
)
def test_what_is_missing_is_named(query: str, missing: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        decode(push(query=query))
    assert list(refusal.value.fields) == [missing]


def test_a_connection_that_nobody_names_is_told_how_to_be_named() -> None:
    with pytest.raises(InvalidPayload, match="add a name to the address"):
        decode(push(query="from=a&text=b", device_id=None))


def test_an_empty_text_is_a_text() -> None:
    assert fetched("from=a&text=").message == ""
    assert posted(b"").message == ""


NAMES = ["from", "to", "text", "charset", "coding", "time", "id", "smsc", "dlr"]


@patient
@given(
    st.dictionaries(st.sampled_from(NAMES), texts | st.sampled_from(["UTF-16BE", "1", "16"])),
    st.binary(),
    st.sampled_from(['text/plain; charset="UTF-16BE"', "text/plain; charset=x", "application/json", ""]),
)
def test_whatever_comes_is_decoded_or_refused(fields: dict[str, str], body: bytes, content_type: str) -> None:
    query = "&".join(
        f"{name}={as_kannel_encodes(value.encode('utf-8', 'replace'))}" for name, value in fields.items()
    )
    check_promises(decode, push(body, query=query, headers={"Content-Type": content_type}))
    check_promises(
        decode, push(body, query=f"from=a&{query}", headers={**HEADERS, "Content-Type": content_type})
    )
