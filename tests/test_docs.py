"""The documents say what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from goip.config import Config, env_name

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def test_every_setting_has_its_row_with_its_default_and_meaning() -> None:
    rows = re.findall(
        r"^\| `(GOIP_\w+)` \| (.*?) \| (.*) \|$", (ROOT / "docs/configuration.md").read_text(), re.M
    )
    told = {name: (default.strip("` "), meaning) for name, default, meaning in rows}
    known = {
        env_name(setting.name): (_default_text(setting.default), setting.metadata["meaning"])
        for setting in fields(Config)
    }
    assert told == known


def _default_text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in ("", (), None) else str(default)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_settings_that_documents_name_exist() -> None:
    known = {env_name(setting.name) for setting in fields(Config)} | {"GOIP_NAME", "GOIP_PASSWORD"}
    named = set()
    for page in PAGES:
        named |= set(re.findall(r"\bGOIP_[A-Z_]+\b", page.read_text()))
    assert {name.removesuffix("_FILE") for name in named if not name.startswith("GOIP_TEST_")} <= known


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set()
    for page in PAGES:
        named |= set(re.findall(r"`make ([a-z-]+)", page.read_text()))
        named |= set(re.findall(r"^make ([a-z-]+)", page.read_text(), re.M))
    assert named <= targets


def test_commands_that_documents_name_exist() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "goip", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    commands = set(re.findall(r"^  ([a-z]+) ", listed, re.M))
    named = set()
    for page in PAGES:
        named |= set(re.findall(r"`goip ([a-z]+)", page.read_text()))
    assert named <= commands


def test_the_list_of_packages_is_the_tree() -> None:
    text = (ROOT / "setup.cfg").read_text()
    listed = set(re.search(r"^packages =\n((?:    .*\n)+)", text, re.M)[1].split())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "goip").rglob("*.py") if path.stem
    }
    assert listed == found | {"goip._migrations", "goip._migrations.versions"}
