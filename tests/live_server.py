"""A real `goip serve` in a process of its own, for the tests that look at it from outside."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.http_calls import TIMEOUT_SECONDS, Answer, bearer, call

ADMIN_PASSWORD = "admin-password-of-the-tests"
ENROLMENT_KEY = "enrolment-key-of-the-tests"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_NUMBERS = itertools.count(1)


class LiveServer:
    """One server on a free port of 127.0.0.1; the same folder, port and database at every start.

    `settings` are environment variables without their GOIP_. The limits on rates and connections are off unless
    they are set: all tests come from one address.
    """

    def __init__(self, folder: Path, database_url: str | None = None, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database_url = database_url or f"sqlite:///{folder / 'goip.db'}"
        self.port = free_port()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.settings = settings
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._token: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> LiveServer:
        """Start it and wait until it is ready. Fails with its log when it does not come up."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self.is_running, f"the server ended at its start:\n{self.log[-4000:]}"
            assert time.monotonic() < deadline, f"the server was not ready in time:\n{self.log[-4000:]}"
            time.sleep(0.02)
        return self

    def launch(self) -> None:
        """Start it and wait for nothing."""
        assert not self.is_running
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "goip", "serve"],
                env=self.environ,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def environ(self) -> dict[str, str]:
        """The environment it is started with: the caller's, without any settings of goip's."""
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "UDP_PORT": str(self.udp_port),
            "DATABASE_URL": self.database_url,
            "ADMIN_PASSWORD": ADMIN_PASSWORD,
            "ENROLLMENT_KEY": ENROLMENT_KEY,
            "DEVICE_RATE": "0",
            "ADDRESS_RATE": "0",
            "CONNECTION_RATE": "0",
            "CONNECTIONS_PER_ADDRESS": "0",
            "CONNECTIONS_PER_USER": "0",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOIP_")}
        return inherited | {f"GOIP_{name}": value for name, value in (settings | self.settings).items()}

    def wait_for_end(self, timeout: float = START_SECONDS) -> int:
        """The exit code, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(timeout)

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def terminate(self) -> None:
        """SIGTERM, and wait for nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int | None:
        """SIGTERM and the exit code; None when it never ran."""
        if self._process is None:
            return None
        if self.is_running:
            self.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self) -> LiveServer:
        """Stop it if it still runs, and start it again on the same port and database."""
        if self.is_running:
            self.stop()
        return self.start()

    def _is_ready(self) -> bool:
        try:
            return self.get("/api/health/ready", timeout=5).status == 200
        except (OSError, HTTPException):
            return False

    # ---- calls ----

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Mapping[str, object] | None = None,
        body: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """One call: `body` goes as JSON, `data` as it is, `token` as the Bearer."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= bearer(token) if token else {}
        payload = json.dumps(body).encode() if body is not None else data
        target = f"{path}?{urlencode(query)}" if query else path
        return call(self.port, method, target, payload, sent | dict(headers or {}), timeout)

    def get(
        self, path: str, token: str | None = None, timeout: float = TIMEOUT_SECONDS, **query: object
    ) -> Answer:
        return self.request("GET", path, token=token, query=query, timeout=timeout)

    def post(self, path: str, body: object, token: str | None = None) -> Answer:
        return self.request("POST", path, body=body, token=token)

    # ---- people and devices ----

    @property
    def admin(self) -> str:
        """An access token of the admin, the same one each time."""
        self._token = self._token or self.login()
        return self._token

    def login(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> str:
        """A new access token."""
        body = {"username": username, "password": password}
        return str(self.post("/api/auth/login", body).must()["accessToken"])

    def add_user(self, role: str) -> str:
        """An access token of a new user in this role."""
        body = {"username": f"{role}-{next(_NUMBERS)}", "password": "password-of-a-user", "role": role}
        self.post("/api/users", body, self.admin).must(201)
        return self.login(body["username"], body["password"])

    def new_id(self, prefix: str = "box") -> str:
        """A device id that no other test has."""
        return f"{prefix}-{next(_NUMBERS)}"

    def enrol(self, device_id: str, **fields: object) -> str:
        """Bring a device in by a first heartbeat with the enrolment key; returns the key of its own."""
        answer = self.heartbeat(device_id, ENROLMENT_KEY, **fields).must()
        assert answer["isNewDevice"] is True, answer
        return str(answer["deviceKey"])

    def heartbeat(self, device_id: str, key: str, **fields: object) -> Answer:
        return self.post("/api/device/heartbeat", {"deviceId": device_id} | fields, key)

    def receive_sms(self, device_id: str, key: str, message: str = "hello", **fields: object) -> Answer:
        body = {"deviceId": device_id, "sender": "+15550123", "message": message} | fields
        return self.post("/api/sms/receive", body, key)

    def device(self, device_id: str) -> dict[str, Any]:
        """The device as the API shows it."""
        found: dict[str, Any] = self.get(f"/api/devices/{device_id}", self.admin).must()["device"]
        return found

    def state(self, rooms: str = "dashboard", token: str | None = None) -> dict[str, Any]:
        """The snapshot of the live state."""
        snapshot: dict[str, Any] = self.get("/api/state", token or self.admin, rooms=rooms).must()
        return snapshot

    def frame(self, rooms: str, after: str, wait: float = 0, token: str | None = None) -> dict[str, Any]:
        """One frame of the stream by polling."""
        answer = self.get("/api/events", token or self.admin, rooms=rooms, after=after, wait=wait, timeout=40)
        frame: dict[str, Any] = answer.must()
        return frame


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
