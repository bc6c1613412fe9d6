"""Masking: what stood on the wire, without its secrets.

Pure. A secret is known by its place (a header, the key in an address, a field of that name in a query, a form,
JSON, XML, a multipart form, a datagram of `name:value;` pairs), by its looks (goip's own keys), or because the
caller names it; then it is masked wherever it stands, also percent-encoded or in the escapes of JSON.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import quote_plus, unquote_to_bytes

import orjson

MASK = "•••"

_MASK = MASK.encode()
_SHORTEST_NAMED = 6
"""What is shorter is masked in its place, and not wherever else its letters stand."""
_LONGEST_USUAL_NAME = 64
_DEPTH = 3
"""So many encodings inside each other are looked through; what is deeper is masked whole."""

_PARTS = (
    b"passw passphrase passcode secret token apikey devicekey signingkey privatekey enrolmentkey enrollmentkey"
    b" signature authori credential cookie hmac"
).split()
_WHOLE = frozenset(b"pass pwd pw key auth sign sig pin pin1 pin2 puk puk1 puk2".split())
_NO_SECRET = frozenset((b"", b'""', b"null", b"true", b"false"))

_SUSPECT = re.compile(
    rb"(?i)pass|pwd|pw|secret|token|key|sig|auth|credential|cookie|hmac|pin|puk|goip_|/in/|[\\%]"
)
"""What a text holds in which anything could be found: cheaper than to look for it."""
_OWN_KEY = re.compile(rb"goip_(?:dk|en|at)_[A-Za-z0-9]*")
_KEY_IN_PATH = re.compile(rb"(/in/[^/?#\s\"\\]+/)[^/?#\s\"\\]+")
_COMMAND = re.compile(rb"\A(?:(?:PASSWORD|USSDEXIT) [0-9]+ [^\r\n]+|USSD [0-9]+ \S+(?= [0-9*#+]+\Z))")
"""What is said to a line of a GoIP box, up to the end of its password."""
_PAIR = re.compile(rb"(\A|[;&?\r\n])[ \t]*([\w.\[\]%-]+)[ \t]*([:=])")
_FIELD = re.compile(rb"(\A|[&?])([\w.\[\]%-]+)(=)")
_TO_NEXT_FIELD = re.compile(rb"[^&\r\n]*")
_TO_NEXT_PAIR = re.compile(rb"[^;\r\n]*")
_TO_LINE_END = re.compile(rb"[ \t]*(?:(?:basic|bearer|digest)[ \t]+)?([^\r\n]*)", re.IGNORECASE)
_ENCODED = re.compile(rb"(?<![^\s&])[^\s&%]*+(?:%(?![0-9A-Fa-f]{2})[^\s&%]*+)*+%[^\s&]*")
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)("?)(\s*:\s*)?', re.DOTALL)
_JSON_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\[[^\]]*\]?|[^\s,}\]{"]*', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ELEMENT = re.compile(rb"(<([\w:.-]++)[^<>]*+>)([^<]+)")
_PART = re.compile(
    rb'(name="([^"\r\n]++)"[^\r\n]{0,200}+\r?\n(?:[^\r\n]++\r?\n){0,8}\r?\n)(.*?)(?=\r?\n--|\Z)', re.DOTALL
)


def mask(data: bytes, secrets: Collection[str] = ()) -> bytes:
    """What stood on the wire, with `MASK` in the place of every secret; all else stays byte for byte.

    Only encoded text that held a secret is encoded anew.
    """
    return _mask(data, _named(secrets), _DEPTH)


def cut(data: bytes, most_bytes: int, secrets: Collection[str] = ()) -> bytes:
    """The beginning, to be masked: without half a character at its end, or the beginning of a secret."""
    if len(data) <= most_bytes:
        return data
    kept = data[:most_bytes]
    for secret in _named(secrets):
        for n_bytes in range(min(len(secret), len(kept)), 3, -1):
            if kept.endswith(secret[:n_bytes]):
                kept = kept[:-n_bytes]
                break
    try:
        kept.decode()
    except UnicodeDecodeError as error:
        if error.end == len(kept) and error.reason == "unexpected end of data":
            return kept[: error.start]
    return kept


def _named(secrets: Collection[str]) -> list[bytes]:
    """The longest first: one may be the beginning of another."""
    named = {secret.encode("utf-8", "surrogateescape") for secret in secrets}
    return sorted((secret for secret in named if len(secret) >= _SHORTEST_NAMED), key=len, reverse=True)


def _is_secret(name: bytes) -> bool:
    return _is_secret_name(name) if len(name) <= _LONGEST_USUAL_NAME else _is_secret_name.__wrapped__(name)


@lru_cache(maxsize=2048)
def _is_secret_name(name: bytes) -> bool:
    plain = unquote_to_bytes(name).lower().translate(None, b"_-. []")
    return plain in _WHOLE or any(part in plain for part in _PARTS)


def _mask(data: bytes, named: list[bytes], depth: int) -> bytes:
    if b'"' in data:
        data = _replaced(data, _in_json(data, named, depth))
    if data.lstrip()[:1] not in (b"{", b"["):
        data = _replaced(data, _in_pairs(data, _PAIR if depth == _DEPTH else _FIELD))
        if b"%" in data:
            data = _ENCODED.sub(lambda found: _reencoded(found[0], named, depth), data)
        if b"<" in data:
            data = _ELEMENT.sub(_masked_value, data)
        if b'name="' in data:
            data = _PART.sub(_masked_value, data)
        command = _COMMAND.match(data)
        if command is not None:
            data = b" ".join((*data.split(b" ", 2)[:2], _MASK + data[command.end() :]))
    data = _OWN_KEY.sub(_MASK, data)
    data = _KEY_IN_PATH.sub(rb"\1" + _MASK, data)
    for secret in named:
        data = data.replace(secret, _MASK)
    return data


Span = tuple[int, int, bytes]
"""From where to where, and what to put there."""


def _replaced(data: bytes, spans: Iterator[Span]) -> bytes:
    """The spans come in order; one that begins inside of the one before is passed over."""
    pieces: list[bytes] = []
    upto = 0
    for start, end, instead in spans:
        if start >= upto:
            pieces += (data[upto:start], instead)
            upto = end
    return b"".join((*pieces, data[upto:])) if pieces else data


def _in_pairs(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[Span]:
    """The secrets of headers, queries, forms and datagrams."""
    for found in pattern.finditer(data):
        before, name, sign = found.groups()
        if not _is_secret(name):
            continue
        start = found.end()
        if sign == b"=" or before in (b"&", b"?"):
            end = _end(_TO_NEXT_FIELD, data, start)
        elif before == b";":
            end = _end(_TO_NEXT_PAIR, data, start)
        else:
            line = _TO_LINE_END.match(data, start)
            start, end = line.span(1) if line is not None else (start, len(data))
        if end > start:
            yield start, end, _MASK


def _in_json(data: bytes, named: list[bytes], depth: int) -> Iterator[Span]:
    """The secrets of objects, and whatever strings hide behind escapes."""
    upto = 0
    for found in _STRING.finditer(data):
        if found.start() < upto:
            continue
        text, _, colon = found.groups()
        plain = _unescaped(text) if b"\\" in text else text
        if colon and _is_secret(plain):
            upto = _end(_JSON_VALUE, data, found.end())
            if data[found.end() : upto] not in _NO_SECRET:
                yield found.end(), upto, b'"' + _MASK + b'"'
        elif plain is not text or b"=" in text or b"%" in text:
            masked = _inside(plain, named, depth)
            if masked != plain:
                yield found.start(), found.end(2), orjson.dumps(masked.decode("utf-8", "replace"))


def _end(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    found = pattern.match(data, start)
    return start if found is None else found.end()


def _inside(decoded: bytes, named: list[bytes], depth: int) -> bytes:
    """What was encoded, masked; as it is where it held no secret."""
    if not (_SUSPECT.search(decoded) or any(secret in decoded for secret in named)):
        return decoded
    if depth > 0:
        return _mask(decoded, named, depth - 1)
    return _MASK if b"\\" in decoded or b"%" in decoded else decoded


def _reencoded(run: bytes, named: list[bytes], depth: int) -> bytes:
    """Percent-encoded text; as it came where it held no secret."""
    decoded = unquote_to_bytes(run.replace(b"+", b" "))
    masked = _inside(decoded, named, depth)
    if masked == decoded:
        return run
    return quote_plus(masked, safe="=/?:").replace(quote_plus(MASK), MASK).encode()


def _unescaped(text: bytes) -> bytes:
    """What a JSON string says; of one that is broken, as far as it can be read."""
    try:
        told: str = orjson.loads(b'"' + text + b'"')
    except orjson.JSONDecodeError:
        return _ESCAPE.sub(_unescaped_one, text)
    return told.encode()


def _unescaped_one(found: re.Match[bytes]) -> bytes:
    code, character = found.groups()
    return character if code is None else chr(int(code, 16)).encode("utf-8", "replace")


def _masked_value(found: re.Match[bytes]) -> bytes:
    head, name, value = found.groups()
    return head + _MASK if _is_secret(name) and value.strip() else found[0]
