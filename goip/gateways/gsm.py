"""The GSM alphabet, and texts as boxes have them from their modules: one byte a character, two, or four hex digits."""

from __future__ import annotations

import re

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic table of GSM 03.38, by its codes."""

_ESCAPE = 0x1B
_EXTENSION = dict(zip(b"\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", "^{}\\[~]|€", strict=True))
_EXTENDED = frozenset(_EXTENSION.values())
_BASIC_CHARACTERS = frozenset(_BASIC) - {chr(_ESCAPE)}
_NOT_ASCII = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f]")
"""Codes that stand for letters in the GSM alphabet, and for nothing that a text holds in ASCII."""

_SHORTEST_PROOF = 4

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{4})+\Z")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def is_basic(text: str) -> bool:
    """True where each character is in the basic table, and so takes 7 bits."""
    return _BASIC_CHARACTERS.issuperset(text)


def septets(text: str) -> int | None:
    """How many of 7 bits the text takes in the GSM alphabet; None where it is not in that."""
    n = 0
    for character in text:
        if character in _BASIC_CHARACTERS:
            n += 1
        elif character in _EXTENDED:
            n += 2
        else:
            return None
    return n


def decode_single(content: bytes) -> str:
    """A text that is said to have one byte a character: some boxes give the GSM alphabet, some ASCII, none says which.

    It is taken for GSM where a code can be nothing else, and else for ASCII, with any padding cut off. The maker's
    own example says one byte and has two: so has what is no text unless each first byte is a high one.
    """
    if _looks_double(content):
        return decode_double(content)
    padless = content.rstrip(b"\0")
    if not _NOT_ASCII.search(padless):
        return padless.decode("ascii", "replace")
    text, codes = "", iter(content)
    for code in codes:
        if code == _ESCAPE:
            escaped = next(codes, _ESCAPE)
            text += _EXTENSION.get(escaped, "" if escaped == _ESCAPE else _basic(escaped))
        else:
            text += _basic(code)
    return text


def decode_double(content: bytes) -> str:
    """A text of two bytes a character, high byte first."""
    return content.decode("utf-16-be", "replace")


def decode_hex(content: bytes) -> str | None:
    """A text of four hex digits a character; None for one that is more likely to be what it looks like.

    A sum of money has decimal digits only, and no zero in front; a text in hex that has, is in no alphabet.
    """
    if not _HEX.match(content) or (content.isdigit() and not content.startswith(b"0")):
        return None
    return decode_double(bytes.fromhex(content.decode("ascii")))


def _looks_double(content: bytes) -> bool:
    return len(content) >= _SHORTEST_PROOF and len(content) % 2 == 0 and max(content[::2]) < ord(" ")


def _basic(code: int) -> str:
    return _BASIC[code] if code < len(_BASIC) else _REPLACEMENT
