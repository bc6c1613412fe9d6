"""What several schemas share."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from goip.clock import parse_time
from goip.fields import WireSchema


class Time(fields.Field[int]):
    """A time: ISO 8601, epoch seconds or epoch ms; ms since the epoch inside."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            return parse_time(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Words(fields.Field[list[str]]):
    """Words with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        return [word for word in str(value).split(",") if word]


class PageQuery(WireSchema):
    """A page of a list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))


class NumberedPageQuery(PageQuery):
    """A page of a list whose cursor is a number."""

    cursor = fields.Integer(validate=validate.Range(0, 2**53))
