"""The devices' keys in a file, so that a fleet can come back to a server that already knows it."""

from __future__ import annotations

import json
import os
from pathlib import Path

Keys = dict[str, str]


def load_keys(path: Path | None, url: str) -> Keys:
    """The keys that `path` holds for the server at `url`; none when there is no such file yet.

    Raises ValueError when the file holds something else.
    """
    if path is None or not path.exists():
        return {}
    by_url = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(by_url, dict) or not isinstance(by_url.get(url, {}), dict):
        raise ValueError(f"{path} is not a file of device keys")
    return dict(by_url.get(url, {}))


def save_keys(path: Path | None, url: str, keys: Keys) -> None:
    """Write `keys` beside those of other servers; the file is replaced whole, and nobody else may read it."""
    if path is None:
        return
    by_url = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    by_url[url] = keys
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(by_url, file, indent=1)
    draft.replace(path)
