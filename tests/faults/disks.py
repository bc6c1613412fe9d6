"""A disk that can be filled: a small tmpfs where one may be mounted, else a limit on what the server may write."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.bench.machine import family
from tests.live_server import LiveServer

SIZE_BYTES = 12_000_000


class Disk(Protocol):
    """Where a server's folder may lie."""

    folder: Path

    def fill(self, server: LiveServer, n_free: int = 0) -> None:
        """Leave so many bytes, more or less."""

    def free(self, server: LiveServer) -> None:
        """Make room again."""


class SmallTmpfs:
    """A file system of its own, filled by a file beside the database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, server: LiveServer, n_free: int = 0) -> None:
        n_available = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
        with self._filler.open("wb") as filler, contextlib.suppress(OSError):
            os.posix_fallocate(filler.fileno(), 0, max(4096, n_available - n_free))

    def free(self, server: LiveServer) -> None:
        self._filler.unlink()

    def remount(self, how: str) -> None:
        """`ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


class LimitedWrites:
    """No file of the server may grow any more: to it that is a full disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: LiveServer, n_free: int = 0) -> None:
        largest = max(path.stat().st_size for path in server.folder.iterdir())
        self._limit(server, largest + n_free)

    def free(self, server: LiveServer) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: LiveServer, n_bytes: int) -> None:
        for pid in family(server.pid):  # the process that commits is a child of the server's
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))


@contextlib.contextmanager
def small_disk(folder: Path, n_bytes: int = SIZE_BYTES) -> Iterator[Disk]:
    """A disk for a test."""
    folder.mkdir()
    with mounted_tmpfs(folder, n_bytes) as is_mounted:
        yield SmallTmpfs(folder) if is_mounted else LimitedWrites(folder)


@contextlib.contextmanager
def mounted_tmpfs(folder: Path, n_bytes: int) -> Iterator[bool]:
    """A small file system at this folder; False where nobody may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "goip-test", str(folder)]
    try:
        is_mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            # Lazily: a server that a failing test left behind must not keep the folder from being removed.
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
