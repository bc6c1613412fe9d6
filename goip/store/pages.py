"""Lists come in pages: `limit` rows, and a cursor that says where the next page starts."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some rows of a list, newest first where nothing else is said.

    `next_before` is where the next page continues, None on the last one; `total` counts the whole list.
    """

    rows: list[T]
    next_before: int | None
    total: int | None = None
