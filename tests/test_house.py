"""The house's rules that a machine can hold: who imports whom, and how long things grow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "goip"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_migrations" not in path.parts)
MODULES = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in FILES}

LOWEST = {
    "addresses",
    "errors",
    "clock",
    "digest",
    "models",
    "once",
    "rhythm",
    "transitions",
    "wire",
    "config",
    "fields",
    "validation",
}
"""What anybody may import and what imports nothing of ours but each other."""

SOCKETIO_ONLY_IN = {
    f"goip.realtime.{name}" for name in ("socketio", "packets", "posts", "emitters", "nonsense")
}
AIOHTTP_MAY = ("goip.api", "goip.gateways", "goip.realtime", "goip.outbound", "goip.simulator", "goip.app")
DRIVERS = {"sqlalchemy", "alembic", "aiosqlite", "asyncpg", "sqlite3"}


def module_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """The dotted names that a file imports anywhere in it, functions and `if TYPE_CHECKING` included."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def ours(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports."""
    for name in imports_of(path):
        if name.startswith("goip."):
            yield name if name in MODULES else name.rpartition(".")[0] if _is_module(name) else name


def _is_module(name: str) -> bool:
    parent = name.rpartition(".")[0]
    return parent in MODULES or f"{parent}.__init__" in MODULES


def room_of(module: str) -> str:
    """`store` of `goip.store.writer`, `config` of `goip.config`."""
    return module.split(".")[1] if "." in module else ""


def imports_any(path: Path, packages: set[str]) -> set[str]:
    return {name for name in imports_of(path) if name.split(".")[0] in packages}


def offenders(breaches: dict[str, set[str]]) -> dict[str, set[str]]:
    return {module: names for module, names in breaches.items() if names}


def test_the_walk_sees_the_house() -> None:
    assert {"goip.app", "goip.store.writer", "goip.realtime.hub", "goip.ingest"} <= MODULES
    hub = set(ours(PACKAGE / "realtime" / "hub.py"))
    assert {"goip.models", "goip.realtime.envelope", "goip.realtime.subscriber", "goip.store.fleet"} == hub
    assert imports_any(PACKAGE / "store" / "engine.py", DRIVERS)


def test_the_database_is_spoken_to_in_the_store_and_nowhere_else() -> None:
    connection_type = (
        "sqlalchemy.ext.asyncio.AsyncConnection"  # named by the work that is handed to `transact`
    )
    found = {}
    for path in FILES:
        module = module_of(path)
        if room_of(module) != "store":
            found[module] = imports_any(path, DRIVERS) - {connection_type}
    assert offenders(found) == {}


_SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM|CREATE\s+TABLE|PRAGMA|BEGIN)\b", re.S
)


def test_no_sql_is_written_outside_of_the_store() -> None:
    found = {}
    for path in FILES:
        if room_of(module_of(path)) == "store":
            continue
        texts = (node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant))
        found[module_of(path)] = {text for text in texts if isinstance(text, str) and _SQL.match(text)}
    assert offenders(found) == {}


def test_no_room_above_the_store_asks_which_database_it_is() -> None:
    pattern = re.compile(r"is_sqlite|dialect\.name|\.kind == \"(sqlite|postgresql)\"|get_backend_name")
    found = {
        module_of(path): set(pattern.findall(path.read_text(encoding="utf-8")))
        for path in FILES
        if room_of(module_of(path)) != "store"
    }
    assert offenders(found) == {}


def test_socketio_is_known_to_its_transport_alone() -> None:
    found = {
        module_of(path): imports_any(path, {"socketio", "engineio"})
        for path in FILES
        if module_of(path) not in SOCKETIO_ONLY_IN
    }
    assert offenders(found) == {}


def test_redis_is_known_to_the_broker_alone() -> None:
    found = {
        module_of(path): imports_any(path, {"redis"})
        for path in FILES
        if not module_of(path).startswith("goip.realtime.broker")
    }
    assert offenders(found) == {}


def test_aiohttp_is_not_known_below_the_transports() -> None:
    allowed = (*AIOHTTP_MAY, "goip.serve")
    found = {
        module_of(path): imports_any(path, {"aiohttp"})
        for path in FILES
        if not module_of(path).startswith(allowed)
    }
    assert offenders(found) == {}


def test_the_hub_and_what_it_carries_know_no_transport() -> None:
    found = {}
    for name in ("hub", "subscriber", "envelope", "replay"):
        path = PACKAGE / "realtime" / f"{name}.py"
        found[name] = imports_any(path, {"aiohttp", "socketio", "engineio"})
    assert offenders(found) == {}


def test_nothing_imports_the_composition_root() -> None:
    found = {
        module_of(path): {name for name in ours(path) if name == "goip.app"}
        for path in FILES
        if module_of(path) not in ("goip.serve", "goip.doctor")
    }
    assert offenders(found) == {}


FORBIDDEN = {
    "store": {"ingest", "operations", "auth", "realtime", "watch", "outbound", "imports", "gateways", "api"},
    "ingest": {"auth", "realtime", "watch", "outbound", "imports", "gateways", "api"},
    "operations": {"auth", "realtime", "watch", "outbound", "imports", "gateways", "api"},
    "auth": {"realtime", "watch", "outbound", "imports", "gateways", "api"},
    "realtime": {"watch", "outbound", "imports", "gateways", "api"},
    "watch": {"gateways", "api"},
    "gateways": {"realtime", "watch", "imports", "api"},
    "wirelog": {
        "store",
        "ingest",
        "operations",
        "auth",
        "realtime",
        "watch",
        "outbound",
        "imports",
        "gateways",
        "api",
    },
}
"""A room, and those above it or beside it, of which it knows nothing."""


@pytest.mark.parametrize("room", FORBIDDEN)
def test_arrows_point_down_only(room: str) -> None:
    found = {
        module_of(path): {name for name in ours(path) if room_of(name) in FORBIDDEN[room]}
        for path in FILES
        if room_of(module_of(path)) == room
    }
    assert offenders(found) == {}


def test_the_ground_floor_stands_on_nothing_but_itself() -> None:
    found = {}
    for path in FILES:
        module = module_of(path)
        if module.count(".") == 1 and room_of(module) in LOWEST:
            found[module] = {name for name in ours(path) if room_of(name) not in LOWEST}
    assert offenders(found) == {}


def test_makes_of_gateways_do_not_import_each_other() -> None:
    shared = {"asking", "forms", "gsm", "native", "outcome", "phones", "registry", "signatures"}

    def make(module: str) -> str:
        name = module.split(".")[2] if module.count(".") >= 2 else ""
        return "" if name in shared else name

    found = {}
    for path in FILES:
        module = module_of(path)
        if room_of(module) == "gateways" and make(module):
            theirs = {name for name in ours(path) if room_of(name) == "gateways"}
            found[module] = {name for name in theirs if make(name) not in ("", make(module))}
    assert offenders(found) == {}


def test_files_stay_under_400_lines() -> None:
    own = [*FILES, *sorted((ROOT / "migrations").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
    long = {
        str(path.relative_to(ROOT)): n for path in own if (n := len(path.read_text().splitlines())) >= 400
    }
    assert long == {}


def test_functions_stay_under_40_lines() -> None:
    long = {}
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if n_lines >= 40:
                    long[f"{module_of(path)}.{node.name}"] = n_lines
    assert long == {}


def test_nothing_is_left_to_be_done() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX)\b")
    own = [*FILES, *(path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))]
    found = {str(path.relative_to(ROOT)): set(words.findall(path.read_text())) for path in own}
    assert offenders(found) == {}


def test_every_module_class_and_public_function_says_what_it_promises() -> None:
    silent = set()
    for path in FILES:
        module = module_of(path)
        if module.startswith("goip.api.schemas."):
            continue  # tables: a schema's name and fields say it all
        if not ast.get_docstring(tree_of(path)) and path.name != "__main__.py":
            silent.add(module)
        for node in tree_of(path).body:
            is_named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_named and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.add(f"{module}.{node.name}")
    assert silent == set()


def test_every_package_is_named_in_the_metadata() -> None:
    """A package that `setup.cfg` forgets is missing from the wheel only, where no test would look."""
    declared = (ROOT / "setup.cfg").read_text().split("packages =")[1].split("package_dir")[0].split()
    folders = {module_of(path.parent / "__init__.py") for path in FILES if path.name == "__init__.py"}
    assert folders <= set(declared)
