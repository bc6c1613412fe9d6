"""What gateways once said is understood as it was then: every file in `frames/` was exported from a wire log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from goip.api.replaying import told_by, understood
from goip.errors import Conflict, NotFound
from tests.wirelog.fixtures import frame_of, load, understood_again

FILES = sorted((Path(__file__).parent / "frames").glob("*.json"))
FRAMES = [
    pytest.param(frame, id=f"{path.stem}-{number}-{frame['make']}")
    for path in FILES
    for number, frame in enumerate(load(path))
]


def test_there_are_fixtures() -> None:
    assert len(FRAMES) >= 8


@pytest.mark.parametrize("told", FRAMES)
def test_a_frame_is_understood_as_it_was(told: dict[str, Any]) -> None:
    assert understood_again(told) == {"understood": told["understood"], "refused": told["refused"]}


def test_a_make_or_an_address_that_is_not_there_any_more_is_a_refusal() -> None:
    frame = frame_of(load(FILES[0])[3])
    told = understood(frame._replace(make="nobody"))
    assert (told["understood"], told["refused"]["code"]) == ([], "unknown_make")
    native = frame._replace(make="http", head="POST /api/elsewhere")
    with pytest.raises(NotFound):
        told_by(native)


@pytest.mark.parametrize("head", [None, ""])
def test_what_has_no_head_or_another_transport_cannot_be_decoded_again(head: str | None) -> None:
    frame = frame_of(load(FILES[0])[3])
    with pytest.raises(Conflict):
        told_by(frame._replace(transport="tcp"))
    with pytest.raises((Conflict, NotFound)):
        told_by(frame._replace(head=head, make="http"))
