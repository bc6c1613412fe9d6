"""Fixtures that were exported from the wire log, loaded: see "Wire log" in docs/api.md."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from goip.api.replaying import FIXTURE_FORM, understood
from goip.clock import parse_time
from goip.wirelog.frames import Frame


def load(path: Path) -> list[dict[str, Any]]:
    """The frames of a fixture's file."""
    fixture = json.loads(path.read_text(encoding="utf-8"))
    assert fixture["form"] == FIXTURE_FORM
    frames: list[dict[str, Any]] = fixture["frames"]
    return frames


def frame_of(told: dict[str, Any]) -> Frame:
    """The frame, as it was in the log."""
    body = base64.b64decode(told["base64"]) if told["text"] is None else told["text"].encode()
    return Frame(
        id=1,
        at=parse_time(told["receivedAt"]),
        device_id=None,
        is_admitted=True,
        key_device_id=told["keyDeviceId"],
        direction="in",
        transport=told["transport"],
        make=told["make"],
        address="192.0.2.7",
        verdict="accepted",
        reason=None,
        head=told["head"],
        body=body,
        n_bytes=len(body),
        is_cut=False,
    )


def understood_again(told: dict[str, Any]) -> dict[str, Any]:
    """What today's decoder makes of the frame: to be what the fixture says."""
    return understood(frame_of(told))
