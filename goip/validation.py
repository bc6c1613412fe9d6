"""From what a sender wrote to what it means: marshmallow decides, and msgspec agrees with it faster.

The schema is the one source. `Fast` makes msgspec types of it, and makes of them what the schema makes. The first
types take only what the schema's fields load unchanged (of each kind of field, `goip.fields` says what that is);
the second ones also blanks and texts in the place of something else, of which the fields are asked. What it answers
is what `schema.load` would (of unknown fields that are tolerated, not even the encoding is looked at); where it is not
certain it answers None, and the caller asks `schema.load`, whose refusals are the only ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, validate
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA
from marshmallow.exceptions import SCHEMA
from msgspec.structs import astuple

from goip.errors import InvalidPayload
from goip.fields import Array, Object, Unchanged, WireSchema

Field = fields.Field[Any]

_MOST_FIELDS_NAMED = 20
_LONGEST_NAME = 100

_HOOKS = (PRE_LOAD, POST_LOAD, VALIDATES, VALIDATES_SCHEMA)
_NOT_OVERRIDDEN = ("load", "_do_load", "_deserialize")
_MAKE = WireSchema._build.__name__
_BETWEEN = "|"
"""Between texts that are looked at together; one that holds it is at worst doubted."""
_AT_AN_EDGE = (_BETWEEN + " ", " " + _BETWEEN)


def refusal(error: ValidationError) -> InvalidPayload:
    """What to tell the sender: the first problem in words, and in `fields` each bad field's messages.

    A field inside another is named by its path, as `simSlots.1.slotIndex`.
    """
    problems: dict[str, list[str]] = {}
    for path, message in _problems((), error.messages):
        name = ".".join(path)
        if name in problems or len(problems) < _MOST_FIELDS_NAMED:
            problems.setdefault(name, []).append(message)
    name, messages = next(iter(problems.items()))
    return InvalidPayload(_sentence(name, messages[0]), fields={n: m for n, m in problems.items() if n})


def take_one(field: Field, value: object, name: str) -> Any:
    """The value as the field has it. Raises InvalidPayload, which calls the field `name`."""
    is_same = _is_same(unchanged) if (unchanged := _unchanged_of(field)) is not None else None
    try:
        if is_same is None or type(value) is not str or not is_same(value):
            return field.deserialize(value)
        for check in field.validators:
            check(value)
        return value
    except ValidationError as error:
        raise refusal(ValidationError({name: error.messages})) from None


def _problems(path: tuple[str, ...], messages: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _problems(path if key == SCHEMA else (*path, _readable(key)), inner)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _problems(path, inner)
    else:
        yield path, str(messages)


def _readable(key: object) -> str:
    """A sender may have chosen the key: whatever it is, an answer can carry it."""
    return str(key)[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _sentence(name: str, message: str) -> str:
    """`deviceId is required` from `deviceId` and `Is required.`"""
    return f"{name or 'the body'} {message[:1].lower()}{message[1:].rstrip('.')}"


class Fast:
    """The accept-only twin of a schema's `load`: what that returns, or None where it is not certain.

    Raises ValueError for a schema that does more than its fields and `makes` say: with hooks, for many objects,
    partial, that keeps unknown fields, or with defaults other than None.
    """

    def __init__(self, schema: Schema) -> None:
        makers = [_Maker(schema, is_strict) for is_strict in (True, False)]
        self._makers = [(maker.make, maker.kind, msgspec.json.Decoder(maker.kind).decode) for maker in makers]

    def of_json(self, text: bytes) -> Any:
        """What a JSON text says."""
        for make, _, decode in self._makers:
            try:
                return _checked(make, decode(text))
            except (ValueError, ValidationError, RecursionError):  # msgspec's own are ValueErrors
                continue
        return None

    def of(self, data: object) -> Any:
        """What an object says that was read from JSON, or from a form."""
        for make, kind, _ in self._makers:
            try:
                return _checked(make, msgspec.convert(data, kind))
            except (ValueError, ValidationError, RecursionError):
                continue
        return None


class _Unsure(ValueError):
    """A text is to be looked at by its field."""


def _checked(make: Callable[[msgspec.Struct, list[str | None]], Any], told: msgspec.Struct) -> Any:
    """What is made of it. Raises _Unsure unless all texts that are to be plain can be seen whole, without spaces at
    their ends."""
    lines: list[str | None] = []
    made = make(told, lines)
    together = _BETWEEN.join(filter(None, (_BETWEEN, *lines, _BETWEEN)))
    if together.isprintable() and not any(edge in together for edge in _AT_AN_EDGE):
        return made
    raise _Unsure


class _Member(NamedTuple):
    """What msgspec is told of a field, and what is done with a value of it afterwards; see `fields.Unchanged`."""

    kind: Any
    is_same: Callable[[str], object] | None = None
    is_line: bool = False
    maker: _Maker | None = None
    checks: tuple[Callable[[Any], Any], ...] = ()


_NOTHING = _Member(None)
"""Of a field about which nothing is certain: that it is absent."""


class _Maker:
    """Of one schema: the msgspec type of what is certain, and how to make of it what the schema makes.

    A strict one takes no blanks, and no texts where something else stands; the other asks the fields about them.
    """

    def __init__(self, schema: Schema, is_strict: bool) -> None:
        _check_plain(schema)
        self._fields = list(schema.load_fields.values())
        self._names = [field.attribute or name for name, field in schema.load_fields.items()]
        keys = [field.data_key or name for name, field in schema.load_fields.items()]
        members = [_member_of(field, is_strict) for field in self._fields]
        placed = list(enumerate(members))
        self._texts = [(place, m.is_same) for place, m in placed if m.is_same is not None]
        self._lines = _getter([place for place, member in placed if member.is_line])
        self._other_places = [place for place, m in placed if not (m.is_line or m.is_same)]
        self._nested = [(place, m.maker, m.checks) for place, m in placed if m.maker is not None]
        self._is_plain = is_strict and not self._texts
        self._made = getattr(type(schema), "makes", dict)
        self._rest = _further_defaults(self._made, self._names)
        self.kind = msgspec.defstruct(
            type(schema).__name__,
            [_defined(*each, is_strict) for each in zip(self._names, self._fields, members, strict=True)],
            rename=dict(zip(self._names, keys, strict=True)),
            kw_only=True,
            frozen=True,
            gc=False,
            forbid_unknown_fields=schema.unknown == RAISE,
        )

    def make(self, told: msgspec.Struct, lines: list[str | None]) -> Any:
        """What the schema makes of it; texts that are to be plain are added to `lines`. Raises ValidationError."""
        values = astuple(told) if self._is_plain else self._asked(astuple(told))
        lines += self._lines(values)
        if self._nested:
            values = self._with_nested(values, lines)
        if self._rest is not None:
            return tuple.__new__(self._made, values + self._rest)  # what a NamedTuple does, but for a call
        return self._made(**dict(zip(self._names, values, strict=True)))

    def _asked(self, told: tuple[Any, ...]) -> tuple[Any, ...]:
        """The values, with what the fields make of those that they may not load unchanged. Raises ValidationError."""
        values = [*told]
        for place, is_same in self._texts:
            if values[place] is not None and not is_same(values[place]):
                values[place] = self._fields[place].deserialize(values[place])
        for place, (field, value) in enumerate(zip(self._fields, values, strict=True)):
            if value == "" or (type(value) is str and place in self._other_places):
                values[place] = field.deserialize(value)
        return tuple(values)

    def _with_nested(self, told: tuple[Any, ...], lines: list[str | None]) -> tuple[Any, ...]:
        """The values, with what is made of the objects among them; of what a field has made of a text, that."""
        values = [*told]
        for place, maker, checks in self._nested:
            inner = values[place]
            if type(inner) is maker.kind:
                values[place] = maker.make(inner, lines)
            elif type(inner) is tuple and inner and type(inner[0]) is maker.kind:
                values[place] = made = tuple([maker.make(each, lines) for each in inner])
                for check in checks:
                    check(made)
        return tuple(values)


def _check_plain(schema: Schema) -> None:
    has_hooks = any(name != _MAKE for kind in _HOOKS for name, *_ in schema._hooks[kind])
    overrides = any(getattr(type(schema), name) is not getattr(Schema, name) for name in _NOT_OVERRIDDEN)
    makes_otherwise = getattr(type(schema), _MAKE, WireSchema._build) is not WireSchema._build
    keeps_more = schema.unknown == INCLUDE or schema.dict_class is not dict
    is_odd = any(_is_odd(name, field) for name, field in schema.load_fields.items())
    if has_hooks or overrides or makes_otherwise or keeps_more or is_odd or schema.many or schema.partial:
        raise ValueError(f"{type(schema).__name__} does more than its fields say")


def _is_odd(name: str, field: Field) -> bool:
    """True for a field with a default that is not None, or whose value goes into another object."""
    return not (field.required or field.load_default is None) or "." in (field.attribute or name)


def _further_defaults(made: Any, names: list[str]) -> tuple[Any, ...] | None:
    """Where the schema makes a NamedTuple that begins with these fields: the defaults of its others."""
    own = list(getattr(made, "_fields", ()))
    if not names or own[: len(names)] != names:
        return None
    others = own[len(names) :]
    return tuple(made._field_defaults[name] for name in others)


def _getter(places: list[int]) -> Callable[[Sequence[Any]], Iterable[Any]]:
    """The values at these places."""
    if len(places) < 2:
        return lambda values: [values[place] for place in places]
    return itemgetter(*places)


def _defined(name: str, field: Field, member: _Member, is_strict: bool) -> tuple[Any, ...]:
    """A member as `msgspec.defstruct` wants it."""
    is_as_it_is = is_strict or member.kind is None or _is_text(member.kind)
    kind = member.kind if is_as_it_is else member.kind | str
    if field.required:
        return (name, kind)
    return (name, None if kind is None else kind | None, None)


def _is_text(kind: Any) -> bool:
    return getattr(kind, "__origin__", kind) is str


def _member_of(field: Field, is_strict: bool) -> _Member:
    if field.pre_load or field.post_load:
        return _NOTHING
    try:
        if type(field) is Array and type(field.inner) is fields.Nested:
            return _array_of(field, _Maker(_nested_schema(field.inner), is_strict))
        if type(field) is Object:
            maker = _Maker(_nested_schema(field), is_strict)
            return _Member(maker.kind, maker=maker)
    except ValueError:
        return _NOTHING
    return _plain_member(field, is_strict) or _NOTHING


def _plain_member(field: Field, is_strict: bool) -> _Member | None:
    """Of a field that loads some values unchanged, within limits that msgspec can keep."""
    unchanged = _unchanged_of(field)
    if unchanged is None:
        return None
    known = {**unchanged.limits, **(_strict_limits(unchanged) if is_strict else {})}
    limits = _limits(known, field.validators)
    if limits is None:
        return None
    kind = Annotated[unchanged.kind, msgspec.Meta(**limits)] if limits else unchanged.kind
    return _Member(kind, None if "pattern" in known else _is_same(unchanged), unchanged.is_line)


def _strict_limits(unchanged: Unchanged) -> Mapping[str, Any]:
    """What msgspec can be told of texts: that they are not blank, or their pattern."""
    if unchanged.pattern is not None:
        return {"pattern": rf"\A(?:{unchanged.pattern})\Z"}
    return {"min_length": 1} if unchanged.is_line else {}


def _is_same(unchanged: Unchanged) -> Callable[[str], object] | None:
    return unchanged.is_same if unchanged.pattern is None else re.compile(unchanged.pattern).fullmatch


def _unchanged_of(field: Field) -> Unchanged | None:
    return vars(type(field)).get("unchanged")


def _nested_schema(field: fields.Nested) -> Schema:
    if field.unknown is not None or field.many or field.only or field.exclude or field.allow_none is None:
        raise ValueError("nested in a way of its own")
    return field.schema


def _array_of(field: Array, maker: _Maker) -> _Member:
    lengths = [check for check in field.validators if type(check) is validate.Length]
    limits = _limits({}, lengths)
    checks = tuple(check for check in field.validators if check not in lengths)
    kind: Any = tuple[maker.kind, ...]  # type: ignore[name-defined]
    kind = Annotated[kind, msgspec.Meta(**limits)] if limits else kind
    return _Member(kind, maker=maker, checks=checks)


def _limits(known: Mapping[str, Any], validators: Iterable[Callable[[Any], Any]]) -> dict[str, Any] | None:
    """What msgspec is to hold values to, so that the validators pass; None where it cannot say so."""
    limits = dict(known)
    for check in validators:
        if type(check) is validate.Length:
            low, high = (check.min, check.max) if check.equal is None else (check.equal, check.equal)
            names = ("min_length", "max_length")
        elif type(check) is validate.Range and check.min_inclusive and check.max_inclusive:
            (low, high), names = (check.min, check.max), ("ge", "le")
        else:
            return None
        for name, value, pick in ((names[0], low, max), (names[1], high, min)):
            if value is not None:
                limits[name] = pick(limits.get(name, value), value)
    return limits
