"""The wheel holds the page and the migrations, and runs outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked into a folder of its own."""
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site")
    return out / "site"


def _goip(unpacked: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(unpacked), "GOIP_DATABASE_URL": f"sqlite:///{folder}/goip.db"}
    code = (
        "import goip, sys; sys.path.remove('') if '' in sys.path else None; from goip.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_migrates_a_database_outside_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    answer = _goip(unpacked, "migrate", folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "goip.db").stat().st_size > 0


def test_the_wheel_holds_the_built_page(unpacked: Path) -> None:
    page = unpacked / "goip" / "static"
    assert (page / "index.html").is_file()
    assert list((page / "assets").glob("*.js.gz"))


def test_the_wheel_holds_nothing_that_is_not_goip(unpacked: Path) -> None:
    names = {path.name for path in unpacked.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"goip"}
