"""`make demo`: the server with a simulated fleet, on a database of its own that is made anew each time."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path("data/demo")
PORT = os.environ.get("GOIP_PORT", "8080")
URL = f"http://127.0.0.1:{PORT}"


def main() -> int:
    """Serve and simulate until Ctrl-C."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    key = f"goip_en_demo{secrets.token_hex(12)}"
    password = os.environ.get("GOIP_ADMIN_PASSWORD", "demo-password")
    environ = {
        **os.environ,
        "GOIP_DATABASE_URL": f"sqlite:///{FOLDER}/goip.db",
        "GOIP_ENROLLMENT_KEY": key,
        "GOIP_ADMIN_PASSWORD": password,
        "GOIP_PORT": PORT,
    }
    goip = [sys.executable, "-m", "goip"]
    server = subprocess.Popen([*goip, "serve"], env=environ)
    try:
        _wait_until_it_answers(server)
        print(f"\nOpen {URL} and log in as admin with password {password}\n", flush=True)
        fleet = [
            *goip,
            "simulate",
            "--url",
            URL,
            "--devices",
            "60",
            "--interval",
            "10",
            "--sms-per-minute",
            "30",
        ]
        return subprocess.run([*fleet, *sys.argv[1:]], env=environ, check=False).returncode
    except KeyboardInterrupt:
        return 0
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=15)


def _wait_until_it_answers(server: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        if server.poll() is not None:
            raise SystemExit("the server did not start: see above")
        try:
            urllib.request.urlopen(f"{URL}/api/health/live", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the server did not answer within 30 s")


if __name__ == "__main__":
    sys.exit(main())
