"""What the tests find on the machine: a browser, a PostgreSQL."""

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
