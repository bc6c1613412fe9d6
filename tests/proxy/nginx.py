"""A real nginx between clients and a server, set up as `docs/deployment.md` says, or worse."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.live_server import free_port
from tests.services import nginx_path

RECIPE = Path(__file__).resolve().parents[2] / "docs" / "deployment.md"
START_SECONDS = 20.0
STOP_SECONDS = 10.0

Shape = Mapping[str, str | None]
"""Directives of the recipe's location that are another's, or are not there (None)."""

AS_DOCUMENTED: Shape = {}
BUFFERING: Shape = {
    "proxy_http_version": "1.0",
    "proxy_buffering": "on",
    "proxy_buffers": "8 16k",
    "proxy_ignore_headers": "X-Accel-Buffering",
}
NO_UPGRADE: Shape = {
    "proxy_http_version": "1.0",
    "proxy_set_header Upgrade": None,
    "proxy_set_header Connection": None,
}
IMPATIENT: Shape = {"proxy_read_timeout": "5s"}

_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{recipe}
}}
"""


def documented_recipe() -> str:
    """The nginx configuration that the documents tell people to use."""
    blocks = re.findall(r"^```nginx\n(.*?)^```$", RECIPE.read_text(), re.M | re.S)
    assert len(blocks) == 1, f"{RECIPE.name} has {len(blocks)} recipes for nginx"
    return str(blocks[0])


class Nginx:
    """One nginx on a free port of 127.0.0.1; the same folder, port and shape at every start."""

    def __init__(self, folder: Path, server_port: int, shape: Shape, *, speaks_tls: bool = False) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"{'https' if speaks_tls else 'http'}://127.0.0.1:{self.port}"
        self._folder = folder
        self._speaks_tls = speaks_tls
        self._process: subprocess.Popen[bytes] | None = None
        if speaks_tls:
            _make_certificate(folder)
        recipe = _with_shape(self._placed(documented_recipe(), server_port), shape)
        (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, recipe=recipe))

    def start(self) -> Nginx:
        """Start it, and wait until it answers."""
        folder = self._folder
        command = ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        with (folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen([str(nginx_path()), *command], stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            assert self._process.poll() is None, f"nginx ended at its start:\n{self.log}"
            assert time.monotonic() < deadline, f"nginx was not up in time:\n{self.log}"
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it and every connection through it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_SECONDS)

    def cut(self) -> None:
        """Break every connection, and be there again at once."""
        self.stop()
        self.start()

    @property
    def log(self) -> str:
        """All that it has said."""
        logs = (self._folder / name for name in ("output.log", "error.log"))
        return "".join(path.read_text(errors="replace") for path in logs if path.exists())

    def _placed(self, recipe: str, server_port: int) -> str:
        """The recipe with ports, and a certificate, of this machine."""
        tls = " ssl" if self._speaks_tls else ""
        for pattern, here in (
            (r"listen 443 ssl;", f"listen 127.0.0.1:{self.port}{tls};"),
            (r"/etc/ssl/goip/", f"{self._folder}/"),
            (r"http://127\.0\.0\.1:8080", f"http://127.0.0.1:{server_port}"),
        ):
            recipe, n_found = re.subn(pattern, here, recipe)
            assert n_found, f"the recipe has no {pattern}"
        return recipe if self._speaks_tls else re.sub(r"^ *ssl_.*\n", "", recipe, flags=re.M)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _with_shape(recipe: str, shape: Shape) -> str:
    """The recipe with these directives of its location changed, taken out or put in."""
    for name, value in shape.items():
        recipe = re.sub(rf"^ *{re.escape(name)} .*\n", "", recipe, flags=re.M)
        if value is not None:
            recipe = recipe.replace("location / {\n", f"location / {{\n        {name} {value};\n")
    return recipe


def _make_certificate(folder: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    names = ["-subj", "/CN=gateways.example.com", "-days", "2"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
