"""The event loops that the benchmark knows by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def has_uvloop() -> bool:
    """Whether uvloop is installed here."""
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return False
    return True


def run_on(name: str, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on uvloop where that is wanted and installed, else on asyncio's own loop."""
    if name != "uvloop" or not has_uvloop():
        return asyncio.run(main())
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
