"""A real Mosquitto of the test's own, gateways that publish to it, and a road to it that can be broken."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from paho.mqtt import publish

from goip.addresses import BrokerAddress
from tests.live_server import free_port
from tests.services import mosquitto_path

RECIPE = Path(__file__).resolve().parents[2] / "docs" / "gateways.md"
START_SECONDS = 20.0
PREFIX = "site/goip"
_LEVEL_5 = 5
_UNSUPPORTED = b"\x20\x02\x00\x01"
"""CONNACK of a broker that speaks 3.1.1: the protocol's version is not supported."""


class Mosquitto:
    """One broker on a free port of 127.0.0.1; the same port and folder at every start. It lets in who it knows."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            "\n".join(
                (
                    f"user {getpass.getuser()}",
                    f"listener {self.port} 127.0.0.1",
                    "allow_anonymous true",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "max_queued_messages 0",
                    "log_dest stderr",
                    "log_type all",
                )
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace")

    def address(self, **changes: Any) -> BrokerAddress:
        """As the setting has it."""
        return BrokerAddress("127.0.0.1", changes.pop("port", self.port), PREFIX, **changes)

    def set_up_as_documented(self) -> None:
        """With the settings that the documents tell people to use, from its next start on; it then has no users."""
        settings, rules = re.findall(r"^```conf\n(.*?)^```$", RECIPE.read_text(), re.M | re.S)
        settings = settings.replace("/etc/mosquitto/", f"{self._folder}/")
        settings = settings.replace("listener 1883", f"listener {self.port} 127.0.0.1")
        settings = settings.replace("/var/lib/mosquitto/", f"{self._folder}/")
        self._settings.write_text(f"user {getpass.getuser()}\n{settings}")
        (self._folder / "goip.acl").write_text(rules)
        (self._folder / "goip.acl").chmod(0o600)
        (self._folder / "goip.users").touch(mode=0o600)

    def add_user(self, username: str, password: str) -> None:
        """For a broker that is set up as documented."""
        command = ["mosquitto_passwd", "-b", str(self._folder / "goip.users"), username, password]
        subprocess.run(command, check=True, capture_output=True)

    def speak_tls(self) -> Path:
        """From its next start on; returns the certificate, which vouches for itself."""
        certificate, key = self._folder / "certificate.pem", self._folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        names = ["-nodes", "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
        files = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*command, *names, *files], check=True, capture_output=True)
        with self._settings.open("a") as settings:
            settings.write(f"\ncertfile {certificate}\nkeyfile {key}\n")
        return certificate

    def start(self) -> Mosquitto:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [mosquitto_path() or "mosquitto", "-c", str(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self._process.poll() is None, self.log[-2000:]
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert time.monotonic() < deadline, self.log[-2000:]
                time.sleep(0.02)

    def stop(self) -> None:
        """It keeps its sessions on disk and ends."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(START_SECONDS)

    def forget(self) -> None:
        """Its sessions are lost, once it has stopped."""
        (self._folder / "mosquitto.db").unlink()

    async def publish(self, topic: str, payload: object, *, qos: int = 1, retain: bool = False) -> None:
        """As a gateway does it, below the prefix; it is with the broker when this returns."""
        await self.publish_all([(topic, payload)], qos=qos, retain=retain)

    async def publish_all(
        self,
        told: Sequence[tuple[str, object]],
        *,
        qos: int = 1,
        retain: bool = False,
        prefix: str = PREFIX,
        login: tuple[str, str] | None = None,
        authority: Path | None = None,
    ) -> None:
        """All of it, in this order."""
        messages = [
            {"topic": f"{prefix}/{topic}", "payload": _bytes_of(payload), "qos": qos, "retain": retain}
            for topic, payload in told
        ]
        auth = None if login is None else {"username": login[0], "password": login[1]}
        tls = None if authority is None else {"ca_certs": str(authority)}
        await asyncio.to_thread(
            publish.multiple, messages, hostname="127.0.0.1", port=self.port, auth=auth, tls=tls
        )


def _bytes_of(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else orjson.dumps(payload)


class Road:
    """Between a client and the broker. `swallows` what the client says; `is_old`: nobody there speaks MQTT 5."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.swallows = False
        self.is_old = False
        self.n_connections = 0
        self.port = 0

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Every connection breaks."""
        for writer in self._open:
            writer.transport.abort()

    async def close(self) -> None:
        """The end of the road."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.n_connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._broker.port)
        self._open |= {writer, back}
        try:
            first = await reader.read(65_536)
            # CONNECT: one byte, the length in one or two, "MQTT" behind its own length, and the protocol's level.
            if self.is_old and first[first.index(b"MQTT") + 4] == _LEVEL_5:
                writer.write(_UNSUPPORTED)
                await writer.drain()
                return
            back.write(first)
            await asyncio.gather(self._carry(reader, back, is_ours=True), self._carry(there, writer))
        except OSError:
            pass
        finally:
            for each in (writer, back):
                each.close()
                self._open.discard(each)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_ours: bool = False
    ) -> None:
        while data := await reader.read(65_536):
            if not (is_ours and self.swallows):
                writer.write(data)
                await writer.drain()
        writer.close()


def left_out(trouble: str) -> None:
    """Skips loudly; in CI fails, where nothing may be left out."""
    refuse = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
    refuse(f"the MQTT tests are left out: {trouble}")


def need_mosquitto() -> None:
    """Skips where there is none."""
    if mosquitto_path() is None:
        left_out("no mosquitto found; apt-get install mosquitto")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker; skips loudly where there is no Mosquitto, and fails where there must be one."""
    need_mosquitto()
    broker = Mosquitto(tmp_path / "mosquitto")
    yield broker.start()
    broker.stop()
    print(f"---- log of mosquitto ----\n{broker.log[-3000:]}")


@pytest.fixture
async def road(broker: Mosquitto) -> AsyncIterator[Road]:
    """A road to the broker."""
    road = Road(broker)
    await road.open()
    yield road
    await road.close()
