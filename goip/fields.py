"""Marshmallow fields for what stands on the wire, and the schema that names them in camelCase.

They forgive what senders get wrong without harm (numbers as text, text as numbers, blank for absent) and
say plainly what they cannot take: a message is a predicate, "Must be ...", that reads after a field's name.
Nothing that passes can break the database: no NUL, no lone surrogate, no number without end.

`unchanged` is for `goip.validation`: which values the field certainly loads as they are, as it loads None as None
where it may be null. A subclass does not inherit it.
`described` is for the documents: what JSON Schema is to say of the field beside its limits.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import orjson
from marshmallow import RAISE, Schema, fields, missing, post_load, validate
from marshmallow.types import UnknownOption

from goip.clock import LATEST_MS, parse_time, zone_names

Data = Mapping[str, Any] | None
Described = Mapping[str, Any]
Messages = dict[str, str | list[Any] | dict[Any, Any]]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_PADDING = "\0\t\r\n"
_LONGEST_NUMBER = 40
_BLANK = frozenset({"", "null", "undefined"})
"""What stands in a form for a value that is not there."""
_NO_NUMBER = frozenset({"unknown", "permission denied", "null", "undefined", "none"})
"""What phones send for a number that they do not know or may not tell."""

_PLAIN: dict[str, str] = {
    "required": "Is required.",
    "null": "Is required.",
    "type": "Must be an object.",
    "unknown": "Is not a known field.",
}
_TEXT: Messages = {
    "invalid": "Must be text.",
    "control": "Must not contain control characters.",
    "invisible": "Must not contain control or invisible characters.",
    "unusable": "Must not contain a slash, begin or end with a space, or consist of dots.",
}
_AMOUNT: Messages = {"invalid": "Must be text or a number."}
_ZONE: Messages = {"zone": "Must be the IANA name of a time zone, as Europe/Berlin."}
_ARRAY: Messages = {"invalid": "Must be an array."}
_REAL: Messages = {
    "invalid": "Must be a number.",
    "too_large": "Must be a number.",
    "special": "Must be a number.",
}
_WHOLE: Messages = {"invalid": "Must be a whole number.", "too_large": "Must be a whole number."}
_FLAG: Messages = {"invalid": "Must be true or false."}
_TIME: Messages = {"invalid": "Must be a time from 1970 on: ISO 8601, epoch seconds or epoch milliseconds."}


class Unchanged(NamedTuple):
    """Which values of a JSON type a field loads as they are: those within `limits` (msgspec's names for them).

    Of texts, those that match `pattern` whole, or of which `is_same` is true, or with `is_line` those of visible
    characters and no space at their ends. What the field makes of any other text, it is asked.
    """

    kind: Any
    limits: Mapping[str, Any] = {}
    pattern: str | None = None
    is_same: Callable[[str], object] | None = None
    is_line: bool = False


class WireSchema(Schema):
    """A schema whose wire names are the camelCase of its fields' names; it refuses what it does not know.

    What it loads is a dict, or what `makes` makes of one, by keywords.
    """

    error_messages = _PLAIN
    makes: ClassVar[Callable[..., Any]] = dict

    class Meta(Schema.Meta):
        unknown: ClassVar[UnknownOption] = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field as the wire does, and let it speak plainly."""
        if field_obj.data_key is None:
            field_obj.data_key = camel_case(field_name)
        field_obj.error_messages = {**field_obj.error_messages, **_PLAIN}

    @post_load
    def _build(self, told: dict[str, Any], **_: Any) -> Any:
        """Marshmallow's hook: what was loaded, as what it is."""
        return type(self).makes(**told)


def camel_case(name: str) -> str:
    """`sim_slots` as the wire writes it: `simSlots`."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


class Line(fields.String):
    """One line of text: a name, an id, a word. A whole number is taken for its digits.

    Padding by NUL, tab or line end, as modems leave it, is cut off; control characters inside are refused.
    """

    unchanged: ClassVar[Unchanged] = Unchanged(str, is_same=str.isprintable)
    described: ClassVar[Described] = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"}
    default_error_messages = _TEXT

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> str:
        if _is_number(value) and isinstance(value, int):
            return str(value)
        text = super()._deserialize(value, attr, data, **kwargs).strip(_PADDING)
        if _CONTROL.search(text):
            raise self.make_error("control")
        return text


class Label(Line):
    """A line that says something or nothing: it is trimmed, and a blank one is null; a required one says something."""

    unchanged: ClassVar[Unchanged] = Unchanged(str, is_line=True)

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The line, or None."""
        told = super().deserialize(value, attr, data, **kwargs)
        if not isinstance(told, str):
            return told
        trimmed = told.strip()
        if not trimmed and self.required:
            raise self.make_error("required")
        return trimmed or None


class PhoneNumber(Label):
    """A phone number, kept as it is told; null for the words that phones send in its place."""

    unchanged: ClassVar[Unchanged] = Unchanged(str, pattern=r"\+?[0-9]+")

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The number, or None."""
        told = super().deserialize(value, attr, data, **kwargs)
        return None if isinstance(told, str) and told.lower() in _NO_NUMBER else told


class Identifier(Line):
    """A name that stands in addresses and room names: all of it can be seen, and nothing is a slash."""

    unchanged: ClassVar[Unchanged] = Unchanged(str, pattern="[A-Za-z0-9_:+-][A-Za-z0-9_:+.-]*")
    described: ClassVar[Described] = {
        "pattern": r"^(?!\.{1,2}$)[!-.0-~]([ -.0-~]*[!-.0-~])?$",
        "description": "Visible characters of other scripts are taken too.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> str:
        if isinstance(value, str) and not value.isprintable():
            raise self.make_error("invisible")
        text = super()._deserialize(value, attr, data, **kwargs)
        if text.strip() != text or "/" in text or text in (".", ".."):
            raise self.make_error("unusable")
        return text


class ZoneName(Line):
    """The IANA name of a time zone, as `Europe/Berlin`."""

    described: ClassVar[Described] = {
        "pattern": r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$",
        "description": "The IANA name of a time zone, as `Europe/Berlin`.",
    }
    default_error_messages = _ZONE

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name not in zone_names():
            raise self.make_error("zone")
        return name


class Text(fields.String):
    """Text of any kind, kept as it is; what no database can store becomes U+FFFD."""

    unchanged: ClassVar[Unchanged] = Unchanged(str, is_same=str.isprintable)
    default_error_messages = _TEXT

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return storable(text)


class Remark(Text):
    """Text that says something or nothing: blank is null."""

    unchanged: ClassVar[Unchanged] = Unchanged(str, is_line=True)

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The text, or None."""
        told = super().deserialize(value, attr, data, **kwargs)
        return None if told == "" else told


class Amount(Remark):
    """A sum of money as a gateway tells it: text with or without a currency, or a number; kept as text."""

    unchanged: ClassVar[Unchanged] = Remark.unchanged
    described: ClassVar[Described] = {"type": ["string", "number"]}
    default_error_messages = _AMOUNT

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> str:
        if _is_number(value):
            return str(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Words(fields.List[Any]):
    """Words with commas between, as queries have lists; blank is absent."""

    default_error_messages = _TEXT

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The words."""
        return super().deserialize(_blank_is_absent(value), attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> list[Any]:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        words = [word.strip() for word in value.split(",")]
        return super()._deserialize([word for word in words if word], attr, data, **kwargs)


class Array(fields.List[Any]):
    """A list, and nothing else that could be walked through; or a JSON string of one. Loaded as a tuple."""

    default_error_messages = _ARRAY

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The items."""
        return super().deserialize(_opened(value), attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Data, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        for check in self.validators:
            if isinstance(check, validate.Length):
                check(value)  # before the items are read: a body may hold a hundred thousand
        return tuple(super()._deserialize(value, attr, data, **kwargs))


class Object(fields.Nested):
    """An object, or, as forms and phones send it, a JSON string of one."""

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """What the nested schema makes of it."""
        return super().deserialize(_opened(value), attr, data, **kwargs)


class Whole(fields.Integer):
    """A whole number, also as text; a fraction is rounded (phones send 56.99999999), blank is absent."""

    unchanged: ClassVar[Unchanged] = Unchanged(int)
    default_error_messages = _WHOLE

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The number; a blank text is as good as none."""
        return super().deserialize(_blank_is_absent(value), attr, data, **kwargs)

    def _validated(self, value: Any) -> int:
        if isinstance(value, str):
            if len(value) > _LONGEST_NUMBER:
                raise self.make_error("too_large")
            value = _float_or_text(value)
        return super()._validated(round(value) if _is_number(value) else value)


class Real(fields.Float):
    """A finite number, also as text; blank is absent."""

    unchanged: ClassVar[Unchanged] = Unchanged(float, {"ge": -sys.float_info.max, "le": sys.float_info.max})
    default_error_messages = _REAL

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The number; a blank text is as good as none."""
        return super().deserialize(_blank_is_absent(value), attr, data, **kwargs)


class Flag(fields.Boolean):
    """True or false, also as 0, 1 or a word; blank is absent."""

    unchanged: ClassVar[Unchanged] = Unchanged(bool)
    default_error_messages = _FLAG

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The flag; a blank text is as good as none."""
        return super().deserialize(_blank_is_absent(value), attr, data, **kwargs)


class Time(fields.Integer):
    """A moment, as ms since the epoch; sent as ISO 8601, epoch seconds or epoch ms; blank is absent."""

    unchanged: ClassVar[Unchanged] = Unchanged(int, {"ge": 100_000_000_000, "le": LATEST_MS})
    described: ClassVar[Described] = {
        "type": ["string", "integer"],
        "format": "date-time",
        "minimum": 0,
        "maximum": LATEST_MS,
        "description": "ISO 8601, epoch seconds or epoch milliseconds, from 1970 on.",
    }
    default_error_messages = _TIME

    def deserialize(self, value: Any, attr: str | None = None, data: Data = None, **kwargs: Any) -> Any:
        """The moment; a blank text is as good as none."""
        return super().deserialize(_blank_is_absent(value), attr, data, **kwargs)

    def _validated(self, value: Any) -> int:
        try:
            return parse_time(value)
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None


def storable(text: str) -> str:
    """The text, with U+FFFD in the place of what no database can store."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


LONGEST_WORD = 64


def word(value: object, longest: int = LONGEST_WORD) -> str | None:
    """A text or number as one short line; None for anything else, and for nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return without_controls(str(value))[:longest].strip() or None


def without_controls(text: str) -> str:
    """The text on one line, trimmed: what controls it holds are left out."""
    return text.strip() if text.isprintable() else _CONTROL.sub("", text).strip()


def between(low: int, high: int) -> validate.Range:
    """A number from `low` to `high`."""
    return validate.Range(low, high, error="Must be from {min} to {max}.")


def at_most(n_characters: int) -> validate.Length:
    """Text of at most so many characters."""
    return validate.Length(max=n_characters, error="Must be at most {max} characters long.")


def one_of(*words: str) -> validate.OneOf:
    """One of these words."""
    return validate.OneOf(words, error="Must be one of {choices}.")


def length(low: int, high: int) -> validate.Length:
    """Text of `low` to `high` characters."""
    return validate.Length(low, high, error="Must be {min} to {max} characters long.")


def _blank_is_absent(value: Any) -> Any:
    return missing if isinstance(value, str) and value.strip() in _BLANK else value


def _opened(value: Any) -> Any:
    """What a JSON string holds, None for a blank one; what is no JSON stays, to be refused."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value) if value.strip() else None
    except ValueError:
        return value


def _is_number(value: Any) -> bool:
    """True for a finite number of sane size, which a boolean is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) < 10**_LONGEST_NUMBER)  # false for NaN


def _float_or_text(text: str) -> Any:
    """`"85"` stays text, for int() to read exactly; `"85.0"` is a number with a fraction."""
    try:
        return float(text) if "." in text else text
    except ValueError:
        return text
