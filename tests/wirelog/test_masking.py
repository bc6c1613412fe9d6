"""No secret is left of what stood on the wire, wherever it stood and however it was written; all else stays."""

from __future__ import annotations

import base64
import json
import string
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.auth.keys import API, DEVICE, ENROLLMENT, new_key
from goip.wirelog.masking import MASK, cut, mask

KEY = "correct-horse-1"


def masked(text: str, *secrets: str) -> str:
    return mask(text.encode(), secrets).decode()


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("POST /in/jasmin/abc/berlin-1?x=1", f"POST /in/jasmin/{MASK}/berlin-1?x=1"),
        ("GET /in/kannel/abc", f"GET /in/kannel/{MASK}"),
        ("POST /api/sms/receive?key=abc&x=1", f"POST /api/sms/receive?key={MASK}&x=1"),
        ("Authorization: Bearer abc", f"Authorization: Bearer {MASK}"),
        ("authorization: basic YTpi", f"authorization: basic {MASK}"),
        ("Authorization: abc", f"Authorization: {MASK}"),
        ("Host: x\nX-Api-Key: a;b c\nAccept: y", f"Host: x\nX-Api-Key: {MASK}\nAccept: y"),
        ("Cookie: goip_access=a; b=c", f"Cookie: {MASK}"),
        ("X-Signature: 00ff", f"X-Signature: {MASK}"),
        ("req:3;id:a;pass:pw;num:;", f"req:3;id:a;pass:{MASK};num:;"),
        ("RECEIVE:3;id:a;password:pw;srcnum:B;msg:hi", f"RECEIVE:3;id:a;password:{MASK};srcnum:B;msg:hi"),
        ("PASSWORD 11 pw\n", f"PASSWORD 11 {MASK}\n"),
        ("USSD 111 pw *100#", f"USSD 111 {MASK} *100#"),
        ("USSDEXIT 111 pw", f"USSDEXIT 111 {MASK}"),
        ("Action: Login\r\nSecret: pw\r\n\r\n", f"Action: Login\r\nSecret: {MASK}\r\n\r\n"),
        ("from=%2B1555&secret=a+b&text=hi", f"from=%2B1555&secret={MASK}&text=hi"),
        ("auth%5Btoken%5D=abc&x=1", f"auth%5Btoken%5D={MASK}&x=1"),
        ('{"api_key": "a\\"b", "x": 1}', f'{{"api_key": "{MASK}", "x": 1}}'),
        ('{"pin": 1234, "x": [1]}', f'{{"pin": "{MASK}", "x": [1]}}'),
        ('{"tokens": ["a", "b"], "x": 1}', f'{{"tokens": "{MASK}", "x": 1}}'),
        ('{"pass\\u0077ord": "pw"}', f'{{"pass\\u0077ord": "{MASK}"}}'),
        ('{"url": "http://h/in/ejoin/abc/x"}', f'{{"url": "http://h/in/ejoin/{MASK}/x"}}'),
        ('{"url": "http://h/x?key=abc&y=1"}', f'{{"url":"http://h/x?key={MASK}&y=1"}}'),
        ("<a><password>pw</password></a>", f"<a><password>{MASK}</password></a>"),
        (
            '--b\r\nContent-Disposition: form-data; name="secret"\r\n\r\npw\r\n--b--',
            f'--b\r\nContent-Disposition: form-data; name="secret"\r\n\r\n{MASK}\r\n--b--',
        ),
    ],
)
def test_a_secret_is_masked_in_its_place_and_all_else_stays(told: str, shown: str) -> None:
    assert masked(told).replace('"url": ', '"url":') == shown.replace('"url": ', '"url":')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id=1&from=%2B15550101&content=100%25+sure%21",
        '{"deviceId": "a", "message": "your password: 1234 \\u041f", "n": 1.0}',
        "RECEIVE:3;id:a;srcnum:BANK;msg:your password: 1234; or so",
        "reg:1;status:200;",
        "USSD 12 Your balance is 12.50",
        "USSD 12 wait 5 minutes",
        "passport=x&monkey=y&keyword=z",
        '{"password": null, "secret": "", "key": {"name": "x"}}',
        "GET /inbox/jasmin/abc",
        "%zz%%%",
        '{"broken": "\\u12',
    ],
)
def test_what_is_no_secret_stays_byte_for_byte(text: str) -> None:
    assert masked(text, KEY) == text


def test_bytes_that_are_no_text_stay() -> None:
    data = bytes(range(256))
    assert mask(data, [KEY]) == data
    plain = data.replace(b'"', b"")
    assert mask(plain + KEY.encode() + plain, [KEY]) == plain + MASK.encode() + plain


def test_a_short_secret_does_not_blank_out_its_letters_everywhere() -> None:
    assert masked("req:1;id:aaa;pass:a;num:a;", "a") == f"req:1;id:aaa;pass:{MASK};num:a;"


def test_our_own_keys_are_known_by_their_looks() -> None:
    for prefix in (DEVICE, ENROLLMENT, API):
        assert masked(f'{{"deviceName":"x {new_key(prefix)} y"}}') == f'{{"deviceName":"x {MASK} y"}}'


def test_what_is_cut_off_leaves_no_beginning_of_a_secret_and_no_half_character() -> None:
    data = b"x" * 90 + KEY.encode() + b"y" * 90
    assert cut(data, 100, [KEY]) == b"x" * 90
    assert cut("é".encode() * 10, 5) == "éé".encode()
    assert cut(b"\xff" * 10, 5) == b"\xff" * 5
    assert cut(b"short", 5, ["short!"]) == b"short"


@pytest.mark.parametrize(
    "piece",
    [
        "a%", '"', '"\\"', "\\", '{"a":', '"key":[', "<", "<a ", 'name="x" ', 'name="x"\r\n', "; ", "/in/", "%25",
        "pass=", "PASSWORD 1 ",
    ],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * 8_192)[:8_192].encode()
    began = time.process_time()
    mask(text, [KEY])
    assert time.process_time() - began < 1


keys = st.one_of(
    st.text(string.ascii_letters + string.digits, min_size=8, max_size=40),
    st.text("".join(map(chr, range(33, 127))), min_size=8, max_size=40),
    st.text(min_size=8, max_size=20).filter(
        lambda text: MASK[0] not in text and not any(map(str.isspace, text))
    ),
).filter(lambda text: text.isprintable() and text.encode("utf-8", "ignore").decode() == text)
noise = st.text(max_size=60).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)
names = st.sampled_from(["password", "pass", "x-api-key", "secret", "Token", "note", "deviceId", "a.b", "q"])

Way = Callable[[str, str, str], str]
WAYS: dict[str, Way] = {
    "bare": lambda key, name, text: f"{text}{key}{text}",
    "path": lambda key, name, text: f"POST /in/jasmin/{quote(key, safe='')}/x\nHost: h",
    "query": lambda key, name, text: f"GET /x?a={quote(text)}&{name}={quote(key, safe='')}&z=1",
    "header": lambda key, name, text: f"POST /x\n{name}: {key}\nHost: {text}",
    "basic": lambda key, name, text: f"Authorization: Basic {base64.b64encode(f'u:{key}'.encode()).decode()}",
    "form": lambda key, name, text: f"{name}={quote_plus(key)}&content={quote_plus(text)}",
    "form value": lambda key, name, text: f"content={quote_plus(text + key + text)}&{name}=1",
    "json": lambda key, name, text: json.dumps({"content": text, name: key}),
    "json value": lambda key, name, text: json.dumps({name: [{"content": text + key + text}]}),
    "json bytes": lambda key, name, text: orjson.dumps({"content": text, name: {"x": key}}).decode(),
    "json in json": lambda key, name, text: json.dumps({"slots": json.dumps([{name: key, "c": text}])}),
    "json in a form": lambda key, name, text: f"slots={quote_plus(json.dumps({name: key, 'c': text}))}&x=1",
    "url in json": lambda key, name, text: json.dumps(
        {"url": f"http://h/x?{name}={quote(key, safe='')}", "c": text}
    ),
    "datagram": lambda key, name, text: f"RECEIVE:1;id:a;{name}:{key};srcnum:B;msg:{text}",
}


def decodings(text: str) -> set[str]:
    """What somebody who tries could read out of it."""
    found = {text}
    for _ in range(3):
        for each in list(found):
            found.add(unquote_plus(each))
            found.add(each.encode("utf-8", "surrogatepass").decode("utf-8", "ignore"))
            found |= set(_strings(each))
    return found


def _strings(text: str) -> list[str]:
    try:
        told = json.loads(text)
    except ValueError:
        return []
    found, left = [], [told]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            left += each
        elif isinstance(each, str):
            found.append(each)
    return found


@pytest.mark.parametrize("way", WAYS)
@given(key=keys, name=names, text=noise)
def test_a_key_that_was_shown_never_appears(way: str, key: str, name: str, text: str) -> None:
    told = WAYS[way](key, name, text)
    shown = masked(told, key)
    assert all(key not in each for each in decodings(shown)), shown
    if way == "basic":
        assert base64.b64encode(f"u:{key}".encode()).decode() not in shown


@given(key=keys, before=st.binary(max_size=50), after=st.binary(max_size=50))
def test_a_key_among_any_bytes_never_appears(key: str, before: bytes, after: bytes) -> None:
    assert key.encode() not in mask(before + key.encode() + after, [key])


@given(text=noise, size=st.integers(1, 80), key=keys)
def test_of_what_is_cut_the_key_is_masked_too(text: str, size: int, key: str) -> None:
    data = (text + key + text).encode()
    kept = mask(cut(data, size, [key]), [key])
    assert key.encode() not in kept
    assert key.encode()[:-1] not in kept or key.encode()[:-1] in text.encode()


@given(st.binary(max_size=300))
def test_anything_can_be_masked_and_again(data: bytes) -> None:
    once = mask(data, [KEY])
    assert KEY.encode() not in once
    assert KEY.encode() not in mask(once, [KEY])
