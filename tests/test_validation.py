"""The fast path agrees with marshmallow wherever it answers at all."""

from __future__ import annotations

import json
import re
from timeit import repeat
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from goip.fields import (
    Amount,
    Array,
    Flag,
    Identifier,
    Label,
    Line,
    Object,
    PhoneNumber,
    Real,
    Remark,
    Text,
    Time,
    Whole,
    WireSchema,
    between,
    length,
)
from goip.gateways.native.schemas import HeartbeatSchema, RegisterSchema, SmsReceiveSchema
from goip.validation import Fast, refusal


class Inner(WireSchema):
    class Meta(WireSchema.Meta):
        unknown = EXCLUDE

    number = Whole(required=True, validate=validate.Range(0, 9))
    word = Label(load_default=None, validate=length(1, 5))


class Everything(WireSchema):
    """Each kind of field and validator, required, optional and nullable; some of which nothing is certain."""

    text = Text(required=True, validate=validate.Length(1, 5))
    exact = Line(load_default=None, validate=validate.Length(equal=2))
    colour = Line(load_default=None, validate=validate.OneOf(["red", "blue"]))
    whole = Whole(load_default=None, validate=validate.Range(min=-3))
    open_ended = Whole(load_default=None, validate=validate.Range(0, 5, max_inclusive=False))
    real = Real(load_default=None, validate=validate.Range(-1, 1))
    free_real = Real(load_default=None)
    flag = Flag(load_default=None)
    remark = Remark(load_default=None)
    number = PhoneNumber(load_default=None)
    odd_flag = fields.Boolean(load_default=None, truthy={"yes"}, falsy={"no"})
    raw = fields.Raw(load_default=None)
    words = Array(Text(validate=validate.Length(max=3)), load_default=None, validate=validate.Length(max=2))
    inner = Object(Inner, load_default=None)
    open_inner = Object(Inner, load_default=None, unknown=INCLUDE)
    many = Array(fields.Nested(Inner), load_default=None, data_key="Many", validate=validate.Length(max=2))
    bunch = fields.Nested(Inner, load_default=None, many=True)
    when = fields.DateTime(format="iso", load_default=None)
    shouted = Text(load_default=None, post_load=str.upper)
    stripped = Text(load_default=None, pre_load=lambda value: value if value is None else str(value))
    even = Whole(load_default=None, attribute="is_even", validate=lambda value: _refuse_odd(value))


class Tolerant(WireSchema):
    device_id = Identifier(required=True, validate=length(1, 8))
    line = Line(load_default=None)
    text = Text(required=True, allow_none=True)
    amount = Amount(load_default=None)
    whole = Whole(load_default=None, validate=between(0, 100))
    flag = Flag(load_default=None)
    at = Time(load_default=None)
    items = Array(fields.Nested(Inner), load_default=None)


def _refuse_odd(value: int) -> None:
    if value % 2:
        raise ValidationError("odd")


SCHEMAS = [Everything(), Tolerant(), HeartbeatSchema(), RegisterSchema(), SmsReceiveSchema()]

numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([99, 0, 1, 5, 85.0, 2**53, 2**63, 10**400, 1_790_000_000_000, float("nan")])
)
texts = st.text(max_size=12) | st.sampled_from(
    ["", " ", "a", "red", "yes", "Unknown", "85", "85.0", "nan", "1e999", "a/b", "..", "x\0", "\ud800", " a",
     "2026-11-21T05:22:21.123Z", "0001-01-01T00:00:00+14:00", "9" * 5000]
)  # fmt: skip
scalars = st.none() | st.booleans() | numbers | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


POOL: list[Any] = [
    None, True, False, 0, 1, 2, 7, 20, 0.5, 85.0, 99, 1_790_000_000, 1_790_000_000_000, 2**53, "0", "1", "7", "85.0",
    "true", "yes", "red", "a", "ab", "abc", "é", "a\nb", "a\0b", "x\r\n", " a ", "", "Good", "Unknown", "+4912345",
    "2026-11-21T05:22:21.123Z", "2026-11-21T05:22:21", [], {}, ["a"], "W" * 70,
]  # fmt: skip


def _takes(field: fields.Field[Any], value: Any) -> bool:
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True


def _valid(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    """Values that the field takes, as it says itself."""
    if isinstance(field, fields.List):
        return st.lists(_valid(field.inner), max_size=3)
    if isinstance(field, fields.Nested):
        nested = valid_objects(field.schema)
        return st.lists(nested, max_size=2) if field.many else nested
    return st.sampled_from([value for value in POOL if _takes(field, value)])


def valid_objects(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of values that the schema's fields take."""
    taken = {key_of(name, field): _valid(field) for name, field in schema.load_fields.items()}
    needed = {key_of(name, field) for name, field in schema.load_fields.items() if field.required}
    return st.fixed_dictionaries(
        {key: taken[key] for key in needed}, optional={key: taken[key] for key in taken if key not in needed}
    )


def key_of(name: str, field: fields.Field[Any]) -> str:
    return field.data_key or name


def _load_or_none(schema: Schema, data: Any) -> Any:
    try:
        return schema.load(data)
    except ValidationError:
        return None


def _agree(schema: Schema, data: Any) -> None:
    fast = Fast(schema)
    for told in (fast.of(data), *_read(fast, data)):
        if told is not None:
            expected = repr(_sorted(schema.load(data)))  # repr: NaN equals itself, 1 is not True
            assert repr(_sorted(told)) == expected


def _read(fast: Fast, data: Any) -> list[Any]:
    """What the fast path reads from JSON of the data, if there can be any, spaced and not."""
    try:
        return [fast.of_json(orjson.dumps(data)), fast.of_json(json.dumps(data, allow_nan=False).encode())]
    except (TypeError, ValueError):
        return []


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=repr)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


@given(st.sampled_from(SCHEMAS), json_values)
def test_of_anything_at_all_the_fast_path_says_what_load_says(schema: Schema, data: Any) -> None:
    _agree(schema, data)


@given(st.data(), st.sampled_from(SCHEMAS))
def test_of_valid_objects_the_fast_path_says_what_load_says(data: st.DataObject, schema: Schema) -> None:
    _agree(schema, data.draw(valid_objects(schema)))


@given(st.data(), st.sampled_from(SCHEMAS), json_values)
def test_a_wild_value_in_one_field_does_not_part_them(data: st.DataObject, schema: Schema, wild: Any) -> None:
    told = data.draw(valid_objects(schema))
    key = data.draw(st.sampled_from([key_of(name, field) for name, field in schema.load_fields.items()]))
    _agree(schema, {**told, key: wild})


def test_a_common_heartbeat_takes_the_fast_path() -> None:
    slots = [{"slotIndex": 0, "carrierName": "A", "signalStrength": 20, "phoneNumber": "+4912345"}]
    told = {"deviceId": "a", "batteryLevel": 80, "charging": True, "simSlots": slots, "more": "unknown"}
    fast, expected = Fast(HeartbeatSchema()), HeartbeatSchema().load(told)
    assert fast.of(told) == fast.of_json(orjson.dumps(told)) == expected
    assert type(fast.of(told)) is type(expected)


@pytest.mark.parametrize(
    ("fields_told", "is_certain"),
    [
        ({"firmware": ""}, True),
        ({"firmware": "Прошивка 1.2"}, True),
        ({"firmware": " 1.2"}, False),
        ({"firmware": "1.2 "}, False),
        ({"firmware": "1\n2"}, False),
        ({"firmware": "1\u202e2"}, False),
        ({"firmware": "\u00a01"}, False),
        ({"sentAt": "2026-11-21T05:22:21.123Z"}, True),
        ({"simSlots": '[{"slotIndex": 0}]'}, True),
        ({"simSlots": [{"slotIndex": 0}, {"slotIndex": 0}]}, False),
        ({"simSlots": [{"slotIndex": 0, "phoneNumber": "Permission denied"}]}, True),
        ({"simSlots": [{"slotIndex": 0, "signalStrength": 99}]}, False),
        ({"simSlots": [{"slotIndex": "0", "carrierName": "", "signalStrength": "-70"}]}, True),
        ({"batteryLevel": "80"}, True),
        ({"batteryLevel": "eighty"}, False),
        ({"deviceId": "a/b"}, False),
    ],
)
def test_what_is_certain_and_what_takes_a_closer_look(fields_told: dict[str, Any], is_certain: bool) -> None:
    told = {"deviceId": "a", **fields_told}
    found = Fast(HeartbeatSchema()).of(told)
    assert (found is not None) is is_certain
    assert found is None or found == HeartbeatSchema().load(told)


def test_the_fast_path_is_several_times_as_fast_as_load() -> None:
    told = {"deviceId": "a", "batteryLevel": 80, "simSlots": [{"slotIndex": index} for index in range(4)]}
    schema = HeartbeatSchema()
    fast, body = Fast(schema), orjson.dumps(told)
    by_load = min(repeat(lambda: schema.load(told), number=50, repeat=5))
    assert min(repeat(lambda: fast.of_json(body), number=50, repeat=5)) < by_load / 4


def test_what_load_refuses_is_never_accepted() -> None:
    fast = Fast(Everything())
    for data in [{}, {"text": ""}, {"text": "a", "other": 1}, {"text": "a", "even": 3}, None, [], "a"]:
        assert fast.of(data) is None
        assert fast.of_json(orjson.dumps(data)) is None


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[" * 100_000, b'{"deviceId":"\xff"}', b"\0", b"NaN", b'{"deviceId":"a"} x']
)
def test_what_is_no_json_is_not_certain(text: bytes) -> None:
    assert Fast(HeartbeatSchema()).of_json(text) is None


class WithHook(Schema):
    a = Whole(load_default=None)

    @pre_load
    def change(self, data: Any, **_: Any) -> Any:
        return data


class WithPostLoad(Schema):
    a = Whole(load_default=None)

    @post_load
    def change(self, data: Any, **_: Any) -> Any:
        return data


class WithOwnLoad(Schema):
    def load(self, *args: Any, **kwargs: Any) -> Any:
        return super().load(*args, **kwargs)


@pytest.mark.parametrize(
    "schema",
    [
        WithHook(),
        WithPostLoad(),
        WithOwnLoad(),
        Inner(many=True),
        Inner(partial=True),
        Inner(unknown=INCLUDE),
        Schema.from_dict({"a": Whole(load_default=None, attribute="b.c")})(),
        Schema.from_dict({"a": Whole(load_default=7)})(),
        Schema.from_dict({"a": Whole()})(),
    ],
)
def test_a_schema_that_does_more_than_its_fields_is_not_compiled(schema: Schema) -> None:
    with pytest.raises(ValueError, match="more than its fields"):
        Fast(schema)


def test_a_nested_schema_with_hooks_is_left_to_marshmallow() -> None:
    outer = Schema.from_dict({"inner": Object(WithHook, load_default=None)})()
    assert Fast(outer).of({"inner": {"a": 7}}) is None
    assert Fast(outer).of({}) == {"inner": None}


def test_a_refusal_names_fields_by_their_path_and_the_first_in_words() -> None:
    error = refusal(
        ValidationError({"simSlots": {1: {"slotIndex": ["Is required."]}}, "name": ["Must be text."]})
    )
    assert error.message == "simSlots.1.slotIndex is required"
    assert error.fields == {"simSlots.1.slotIndex": ["Is required."], "name": ["Must be text."]}


def test_a_refusal_of_the_whole_body_names_no_field() -> None:
    error = refusal(ValidationError("Must be an object."))
    assert (error.message, error.fields) == ("the body must be an object", {})


def test_a_refusal_of_very_many_fields_names_some() -> None:
    error = refusal(ValidationError({f"field{n}": ["Is not a known field."] for n in range(1000)}))
    assert len(error.fields) == 20


def test_a_name_that_the_sender_chose_can_be_answered() -> None:
    name = next(iter(refusal(ValidationError({"\ud800" * 500: ["Is not a known field."]})).fields))
    assert re.fullmatch(r"\?{100}", name)
