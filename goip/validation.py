"""From what a sender wrote to what it means: marshmallow decides, and generated code agrees with it faster.

The schema is the one source. `compile_fast` writes its common case out as one flat function: the checks of
the usual types and validators stand in the code itself, and a value of which they are not sure is given to
its field's own `deserialize`. What the function returns is what `schema.load` would; where it is not certain
it returns None, and the caller asks `schema.load`, whose refusals are the only ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, missing, validate
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA
from marshmallow.exceptions import SCHEMA

from goip.errors import InvalidPayload
from goip.fields import Array, Object, WireSchema

Field = fields.Field[Any]
Fast = Callable[[Any], Any]

_MOST_FIELDS_NAMED = 20
_LONGEST_NAME = 100

_UNCHANGED: dict[type[Field], str] = {
    fields.String: "type({v}) is str",
    fields.Integer: "type({v}) is int",
    fields.Float: "type({v}) is float and isfinite({v})",
    fields.Boolean: "({v} is True or {v} is False)",
    fields.Raw: "{v} is not None and {v} is not missing",
}
_LISTS: dict[type[Field], Callable[[list[Any]], Any]] = {fields.List: list, Array: tuple}
_NESTED = (fields.Nested, Object)
_HOOKS = (PRE_LOAD, POST_LOAD, VALIDATES, VALIDATES_SCHEMA)
_NOT_OVERRIDDEN = ("load", "_do_load", "_deserialize")
_MAKE = WireSchema._build.__name__


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
    try:
        return field.deserialize(value)
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


def compile_fast(schema: Schema, unknown: str | None = None) -> Fast:
    """The accept-only twin of `schema.load`: what that returns, or None where it is not certain.

    `unknown` overrides the schema's own rule, as it does in a Nested field. Raises ValueError for a schema that
    does more than its fields and `makes` say: with hooks, for many objects, partial, or that keeps unknown fields.
    """
    rule = unknown or schema.unknown
    _check_plain(schema, rule)
    keys = frozenset(_key(name, field) for name, field in schema.load_fields.items())
    writer = _Writer()
    writer.write(schema, keys if rule == RAISE else None)
    return writer.finish()


def _check_plain(schema: Schema, unknown: str) -> None:
    has_hooks = any(name != _MAKE for kind in _HOOKS for name, *_ in schema._hooks[kind])
    overrides = any(getattr(type(schema), name) is not getattr(Schema, name) for name in _NOT_OVERRIDDEN)
    places = any("." in (field.attribute or name) for name, field in schema.load_fields.items())
    keeps_more = unknown == INCLUDE or schema.dict_class is not dict
    makes_otherwise = getattr(type(schema), _MAKE, WireSchema._build) is not WireSchema._build
    if has_hooks or makes_otherwise or overrides or places or keeps_more or schema.many or schema.partial:
        raise ValueError(f"{type(schema).__name__} does more than its fields say")


def _key(name: str, field: Field) -> str:
    return name if field.data_key is None else field.data_key


class _Writer:
    """Writes one function, line by line, with the constants that it refers to."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._constants: dict[str, Any] = {
            "missing": missing,
            "isfinite": math.isfinite,
            "new": tuple.__new__,
        }
        self._always: dict[str, str] = {}
        self._sometimes: dict[str, str] = {}

    def write(self, schema: Schema, known: frozenset[str] | None) -> None:
        """The whole function; `known` names the fields where others are refused."""
        self._lines += ["def fast(data):", " if type(data) is not dict: return None"]
        if known is not None:
            self._lines.append(f" if not data.keys() <= {self._bind(known)}: return None")
        self._lines += [" get = data.get", " try:", "  pass"]
        for place, (name, field) in enumerate(schema.load_fields.items()):
            self._write_field(f"v{place}", name, field)
        self._lines.append(" except Exception: return None")  # load will say the same, in its own words
        make: Any = getattr(type(schema), "makes", dict)
        if not self._sometimes and _takes(make, self._always.keys()):
            # As the constructor of a NamedTuple does, without a call to it.
            values = [
                self._always.get(name) or self._bind(make._field_defaults[name]) for name in make._fields
            ]
            self._lines.append(f" return new({self._bind(make)}, ({', '.join(values)},))")
            return
        told = ", ".join(f"{attribute!r}: {v}" for attribute, v in self._always.items())
        self._lines.append(f" out = {{{told}}}")
        for attribute, v in self._sometimes.items():
            self._lines.append(f" if {v} is not missing: out[{attribute!r}] = {v}")
        self._lines.append(" return out" if make is dict else f" return {self._bind(make)}(**out)")

    def finish(self) -> Fast:
        """What was written, as a function."""
        exec("\n".join(self._lines), self._constants)  # noqa: S102 - of our own schemas, at the start
        function: Fast = self._constants["fast"]
        return function

    def finish_one(self, condition: str) -> Callable[[Any], Any]:
        """A function of one value `v`: the value when the condition is true, else None."""
        function: Callable[[Any], Any] = eval(f"lambda v: v if {condition} else None", self._constants)  # noqa: S307
        return function

    def _bind(self, value: object) -> str:
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def _write_field(self, v: str, name: str, field: Field) -> None:
        key = _key(name, field)
        load = f"{v} = {self._bind(field.deserialize)}({v}, {key!r}, data)"
        taker, condition = _taker(field), self.condition(field, v)
        is_known = taker is not None or condition is not None
        may_be_absent = not field.required and field.load_default is missing
        null_is_absent = is_known and field.allow_none and field.load_default is None and not field.required
        self._lines.append(f"  {v} = get({key!r}{'' if null_is_absent else ', missing'})")
        if taker is not None:
            checks = " and ".join(self._checks(field, "taken")) or "True"
            self._lines += [
                f"  taken = None if {v} is None else {self._bind(taker)}({v})",
                f"  if taken is not None and {checks}: {v} = taken",
                f"  {f'elif {v} is not None' if field.allow_none else 'else'}: {load}",
            ]
        elif condition is not None:
            passes = [f"{v} is missing"] * may_be_absent + [f"{v} is None"] * bool(field.allow_none)
            self._lines.append(f"  if not ({' or '.join([*passes, condition])}): {load}")
        else:
            self._lines.append(f"  {load}")
        attribute = field.attribute or name
        if may_be_absent:
            self._sometimes[attribute] = v
        else:
            self._always[attribute] = v

    def condition(self, field: Field, v: str) -> str | None:
        """Code that is true when the field certainly loads `v` unchanged; None where nothing is certain."""
        kind = type(field)
        template = _UNCHANGED.get(kind) or vars(kind).get("unchanged_when")
        if template is None or field.pre_load or field.post_load:
            return None
        if isinstance(field, fields.Boolean) and not (True in field.truthy and False in field.falsy):
            return None
        return " and ".join([template.format(v=v), *self._checks(field, v)])

    def _checks(self, field: Field, v: str) -> Iterator[str]:
        """Code that is true when the validators pass `v`."""
        for check in field.validators:
            if type(check) is validate.Length:
                exact = check.equal is not None
                low, high = (check.equal, check.equal) if exact else (check.min, check.max)
                yield self._between(f"len({v})", low, high)
            elif type(check) is validate.Range and check.min_inclusive and check.max_inclusive:
                yield self._between(v, check.min, check.max)
            elif type(check) is validate.OneOf:
                yield f"{v} in {self._bind(check.choices)}"
            elif type(check) is validate.Regexp:
                yield f"{self._bind(check.regex.match)}({v})"
            else:
                yield f"({self._bind(check)}({v}),)"  # says no by raising; a tuple of one is true

    def _between(self, number: str, low: Any, high: Any) -> str:
        left = "" if low is None else f"{self._constant(low)} <= "
        right = "" if high is None else f" <= {self._constant(high)}"
        return f"{left}{number}{right}"

    def _constant(self, value: Any) -> str:
        return repr(value) if type(value) is int else self._bind(value)


def _taker(field: Field) -> Callable[[Any], Any] | None:
    """A function that loads a Nested or List field's value, or returns None; None where that is not certain."""
    if field.pre_load or field.post_load:
        return None
    if type(field) in _NESTED and isinstance(field, fields.Nested):
        return None if field.many else _fast_or_none(field.schema, field.unknown)
    if type(field) not in _LISTS or not isinstance(field, fields.List) or field.inner.allow_none:
        return None
    take = _taker(field.inner) if not field.inner.validators else None
    take = take or _scalar(field.inner)
    return None if take is None else _list_of(take, _LISTS[type(field)])


def _fast_or_none(schema: Schema, unknown: str | None) -> Fast | None:
    try:
        return compile_fast(schema, unknown)
    except ValueError:
        return None


def _scalar(field: Field) -> Callable[[Any], Any] | None:
    """A function that returns a value which the field certainly loads unchanged, else None."""
    writer = _Writer()
    condition = writer.condition(field, "v")
    return None if condition is None else writer.finish_one(condition)


def _list_of(take: Callable[[Any], Any], kind: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    def take_list(value: Any) -> Any:
        if type(value) is not list:
            return None
        taken = [take(each) for each in value]
        return None if None in taken else kind(taken)

    return take_list


def _takes(make: Any, names: AbstractSet[str]) -> bool:
    """True for a NamedTuple that can be made of fields of these names."""
    defaults = getattr(make, "_field_defaults", None)
    return defaults is not None and names <= set(make._fields) <= names | defaults.keys()
