"""`goip doctor`: looks at what usually goes wrong, and says it in a line each."""

from __future__ import annotations

import errno
import shutil
import socket
from typing import NamedTuple

from goip.addresses import BrokerAddress
from goip.app import PAGE_FOLDER
from goip.config import Config
from goip.errors import GoipError, StartupError, Unauthorized
from goip.gateways.mqtt import need_library
from goip.store.engine import Database, describe_trouble
from goip.store.health import count_rows, find_damage

_LITTLE_DISK_BYTES = 500_000_000


class Finding(NamedTuple):
    """One thing that was looked at."""

    is_good: bool
    what: str


async def examine(config: Config) -> list[Finding]:
    """Everything worth a look, the settings first; writes nothing."""
    findings = [_port(config), _page()]
    if config.mqtt is not None:
        findings.append(await _broker(config.mqtt))
    try:
        database = Database(config.database_url)
    except StartupError as error:
        return [*findings, Finding(False, str(error))]
    if database.path is not None:
        if not database.path.exists():
            return [*findings, Finding(True, f"database: {database.path} will be made at the first start")]
        findings.append(_disk(database))
    try:
        findings += await _database(database)
    finally:
        await database.close()
    return findings


def _port(config: Config) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return Finding(False, f"port: {config.port} is taken (by a running goip, perhaps)")
            return Finding(False, f"port: cannot listen on {config.host}:{config.port}: {error.strerror}")
    return Finding(True, f"port: {config.host}:{config.port} is free")


def _page() -> Finding:
    if (PAGE_FOLDER / "index.html").is_file():
        return Finding(True, "page: built")
    return Finding(False, "page: not built; run make install in the checkout")


async def _broker(broker: BrokerAddress) -> Finding:
    where = f"{broker.host}:{broker.port}"
    try:
        need_library()
        from goip.gateways.mqtt.client import try_out

        await try_out(broker)
    except StartupError as error:
        return Finding(False, f"mqtt: {error}")
    except Unauthorized as refusal:
        return Finding(False, f"mqtt: {where} does not let us in: {refusal.message}")
    except (OSError, UnicodeError) as trouble:
        return Finding(False, f"mqtt: cannot reach {where}: {trouble or 'no answer'}")
    return Finding(True, f"mqtt: {where} lets us in, and read below {broker.prefix}")


def _disk(database: Database) -> Finding:
    assert database.path is not None  # noqa: S101 - for the type checker; the caller looked
    free = shutil.disk_usage(database.path.parent).free
    return Finding(free > _LITTLE_DISK_BYTES, f"disk: {free / 1e9:.1f} GB free beside the database")


async def _database(database: Database) -> list[Finding]:
    try:
        async with database.reading() as connection:
            damage = await find_damage(connection)
            if damage is not None:
                return [Finding(False, f"database: damaged ({damage}); restore a backup")]
            counts = [f"{n} {name}" for name, n in (await count_rows(connection)).items()]
    except GoipError as trouble:
        return [Finding(False, f"database: {trouble.message}")]
    except Exception as error:
        return [Finding(False, f"database: {describe_trouble(error)} ({type(error).__name__})")]
    return [Finding(True, f"database: {database.kind}, {', '.join(counts)}")]
