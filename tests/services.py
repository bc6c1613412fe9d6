"""What the tests find on the machine: a browser, a PostgreSQL, an nginx, a Mosquitto."""

from __future__ import annotations

import asyncio
import os
import shutil
from functools import cache

POSTGRES_URL = os.environ.get("GOIP_TEST_POSTGRES", "postgresql://127.0.0.1:5432/postgres")


@cache
def chromium_path() -> str | None:
    """The Chromium to test with, None where there is none."""
    named = os.environ.get("GOIP_TEST_CHROMIUM")
    if named:
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@cache
def nginx_path() -> str | None:
    """The nginx to test with, None where there is none; few people's PATH leads to it."""
    return shutil.which(
        "nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    )


@cache
def nginx_trouble() -> str | None:
    """Why there can be no proxy here, None when there can."""
    if nginx_path() is None:
        return "no nginx found"
    return None if shutil.which("openssl") else "no openssl found, to make its certificate with"


@cache
def mosquitto_path() -> str | None:
    """The MQTT broker to test with, None where there is none; few people's PATH leads to it."""
    return shutil.which(
        "mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    )


@cache
def postgres_trouble() -> str | None:
    """Why PostgreSQL cannot be used here, None when it can."""
    try:
        import asyncpg
    except ImportError:
        return "asyncpg is not installed"

    async def connect() -> None:
        connection = await asyncpg.connect(POSTGRES_URL, timeout=5)
        await connection.close()

    try:
        asyncio.run(connect())
    except Exception as error:
        return f"no server at {POSTGRES_URL} ({type(error).__name__})"
    return None
