"""`make test`: the page's unit tests, then everything that pytest runs; pytest's closing line comes last.

Says loudly, before anything runs, what this machine cannot run and how to get it. With `CI=true` that is a failure.
Meanwhile the decoders are fuzzed, with what the tests leave of the processors; the last tests wait for the outcome.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.services import chromium_path, mosquitto_path, nginx_trouble, postgres_trouble

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() == "true"
FUZZ_SECONDS = os.environ.setdefault("GOIP_TEST_FUZZ_SECONDS", "30" if IN_CI else "5")
"""For each decoder."""
_N_AT_ONCE = 2 * (os.cpu_count() or 1)
"""Files: half of the time of most is waited."""


def missing() -> list[str]:
    """What has to be left out here, each with the way to get it."""
    found = []
    if chromium_path() is None:
        found.append(
            "browser tests: no Chromium found. apt-get install chromium, or set GOIP_TEST_CHROMIUM to one"
        )
    trouble = nginx_trouble()
    if trouble is not None:
        found.append(f"proxy tests: {trouble}. apt-get install nginx-light openssl")
    if mosquitto_path() is None:
        found.append("MQTT tests: no mosquitto found. apt-get install mosquitto")
    trouble = postgres_trouble()
    if trouble is not None:
        found.append(
            f"the PostgreSQL half of the store's tests: {trouble}. Start a PostgreSQL 15 or newer and set "
            "GOIP_TEST_POSTGRES=postgresql://USER@HOST/NAME (its user must be allowed to make databases)"
        )
    if find_spec("atheris") is None:
        found.append(
            "guided fuzzing: no atheris for this Python or machine. Use CPython 3.11 to 3.14 on Linux"
        )
    return found


def begin_fuzzing(home: Path) -> subprocess.Popen[bytes]:
    """Fuzz every decoder, which are done when nobody holds the lock in `home` any more."""
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "tests.guided", "--quiet", "--seconds", FUZZ_SECONDS]
        return subprocess.Popen([*command, "--home", home], cwd=ROOT, pass_fds=[lock.fileno()])


def main() -> int:
    """Run it all; returns the exit code."""
    left_out = missing()
    for what in left_out:
        print(f"\n!!! LEFT OUT: {what}\n", flush=True)
    if left_out and IN_CI:
        print("In CI nothing may be left out.", flush=True)
        return 1
    npm = shutil.which("npm")
    if npm is None:
        print("npm is missing: run make install first", flush=True)
        return 1
    with tempfile.TemporaryDirectory() as home:
        fuzzing = begin_fuzzing(Path(home)) if find_spec("atheris") else None
        try:
            return run_tests(npm, {"GOIP_TEST_FUZZ": home} if fuzzing else {})
        finally:
            if fuzzing is not None:
                fuzzing.terminate()
                fuzzing.wait()


def run_tests(npm: str, settings: dict[str, str]) -> int:
    """The page's tests and those of pytest, which has these settings too; returns the exit code."""
    page = subprocess.run([npm, "run", "--silent", "test"], cwd=ROOT / "web", check=False).returncode
    # One file stays in one process, with its servers.
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        str(_N_AT_ONCE),
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
    ]
    python = subprocess.run([*pytest, *sys.argv[1:]], cwd=ROOT, env={**os.environ, **settings}, check=False)
    return page or python.returncode


if __name__ == "__main__":
    sys.exit(main())
