"""What several schemas share: pages of lists, spans of time, and the shape of answers."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import EXCLUDE, ValidationError, fields, validates_schema
from marshmallow.types import UnknownOption

from goip.fields import Line, Time, Whole, WireSchema, at_most, between, length

LONGEST_DEVICE_ID = 128
HIGHEST_SLOT_INDEX = 99_999
"""Makes that have several SIM slots in a port number them by port and slot: 64.08 is 6408."""
_LONGEST_SEARCH = 200
_LONGEST_CURSOR = 4_096
_CURSOR = {"description": "The `nextCursor` of the page before."}


class LimitQuery(WireSchema):
    """At most `limit` items at once."""

    limit = Whole(load_default=50, validate=between(1, 500))


class PageQuery(LimitQuery):
    """A page of a list, from where the page before ended."""

    cursor = Line(validate=at_most(_LONGEST_CURSOR), metadata=_CURSOR)


class NumberedPageQuery(LimitQuery):
    """A page of a list whose cursors are numbers."""

    cursor = Whole(validate=between(0, 2**53), metadata=_CURSOR)


class SpanQuery(WireSchema):
    """A span of time; without an end it is open there."""

    from_at = Time(data_key="from")
    to_at = Time(data_key="to")

    @validates_schema
    def check_order(self, data: dict[str, Any], **_: Any) -> None:
        """Raises ValidationError for a span that ends before it begins."""
        if (
            data.get("from_at") is not None
            and data.get("to_at") is not None
            and data["from_at"] > data["to_at"]
        ):
            raise ValidationError("Must not be before from.", "to_at")


def search() -> Line:
    """What to look for: each word of it is to be found."""
    return Line(validate=at_most(_LONGEST_SEARCH))


def device_id(*, required: bool = False) -> Line:
    """The id of a device to look for; one that no device can have is simply not found."""
    return Line(required=required, validate=length(1, LONGEST_DEVICE_ID))


class Shape(WireSchema):
    """An answer of ours, for the documents. Every field is always there, but for those that `left_out` names."""

    left_out: ClassVar[frozenset[str]] = frozenset()

    class Meta(WireSchema.Meta):
        unknown: ClassVar[UnknownOption] = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Say that the field is always there."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = field_name not in self.left_out


def or_null(field: type[fields.Field[Any]], **kwargs: Any) -> Any:
    """A field that may be null."""
    return field(allow_none=True, **kwargs)


class PageShape(Shape):
    """What every list has; `total` is null where counting would cost too much."""

    next_cursor = or_null(fields.String, metadata={"description": "For the next page; null on the last."})
    total = or_null(fields.Integer)


class SuccessAnswer(Shape):
    """It is done."""

    success = fields.Boolean()


class ErrorAnswer(Shape):
    """A refusal. `code` is for programs and does not change; `fields` names what is wrong with each field."""

    left_out = frozenset({"bad_fields"})

    success = fields.Boolean(metadata={"enum": [False]})
    error = fields.String()
    code = fields.String()
    bad_fields = fields.Dict(data_key="fields", keys=fields.String(), values=fields.List(fields.String()))
    request_id = fields.String()
