"""The `goip` command."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncConnection

from goip import __version__
from goip.config import Config, env_name
from goip.errors import GoipError, StartupError
from goip.simulator.cli import simulate_command

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="goip")
def cli() -> None:
    """A server for fleets of GSM gateways: heartbeats and SMS in, live in rooms."""


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    """Every setting that is no secret as an option; secrets stay out of the process list."""
    for setting in reversed(fields(Config)):
        if setting.metadata["is_secret"] and setting.name != "database_url":
            continue
        option = f"--{setting.name.replace('_', '-')}"
        text = f"{setting.metadata['meaning']} [{env_name(setting.name)}]".replace("`", "")
        command = click.option(option, setting.name, default=None, help=text)(command)
    return command


def _config(options: dict[str, Any]) -> Config:
    given = {name: value for name, value in options.items() if value is not None}
    readers = {setting.name: setting.metadata["read"] for setting in fields(Config)}
    try:
        return Config.from_env(**{name: readers[name](value) for name, value in given.items()})
    except ValueError as error:
        raise StartupError(str(error)) from error


@cli.command()
@_settings
def serve(**options: Any) -> None:
    """Run the server."""
    from goip.serve import run

    run(_config(options))


@cli.command()
@click.option("--database-url", default=None, help="[GOIP_DATABASE_URL]")
def migrate(database_url: str | None) -> None:
    """Bring the database to the schema of this version; a copy is kept."""
    from goip.store.engine import Database
    from goip.store.lock import SingleNodeLock
    from goip.store.migrate import migrate as upgrade

    async def work() -> str | None:
        database = Database(Config.from_env(database_url=database_url).database_url)
        lock = SingleNodeLock(database)
        await lock.take()
        try:
            return await upgrade(database)
        finally:
            await lock.release()
            await database.close()

    before = asyncio.run(work())
    click.echo(f"The schema was {before or 'not there'}; it is the newest now.")


@cli.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--database-url", default=None, help="[GOIP_DATABASE_URL]")
def backup(target: Path, database_url: str | None) -> None:
    """Copy the SQLite database to TARGET, also while the server runs."""
    from goip.store.backup import back_up
    from goip.store.engine import Database

    path = Database(Config.from_env(database_url=database_url).database_url).path
    if path is None:
        raise StartupError("goip backup copies SQLite databases; for PostgreSQL use pg_dump")
    if not path.exists():
        raise StartupError(f"There is no database at {path}")
    if target.exists():
        raise StartupError(f"{target} is there already: name a new file")
    with Progress(transient=True) as bar:
        task = bar.add_task("Copying", total=None)
        back_up(path, target, lambda n_done, n_pages: bar.update(task, completed=n_done, total=n_pages))
    click.echo(f"Copied {path} to {target} ({target.stat().st_size:,} bytes)")


@cli.group()
def user() -> None:
    """People who log in."""


@user.command("create")
@click.argument("username")
@click.option(
    "--role", type=click.Choice(["viewer", "operator", "admin"]), default="viewer", show_default=True
)
@click.password_option(envvar="GOIP_PASSWORD")
def create_user(username: str, role: str, password: str) -> None:
    """Add a user."""
    from goip.auth import accounts

    _run(lambda connection: accounts.create_user(connection, username=username, role=role, password=password))
    click.echo(f"User {username} can log in as {role}")


@user.command("password")
@click.argument("username")
@click.password_option(envvar="GOIP_PASSWORD")
def set_password(username: str, password: str) -> None:
    """Set a user's password; ends the user's logins."""
    from goip.auth import accounts

    _run(lambda connection: accounts.set_password(connection, username=username, password=password))
    click.echo(f"The password of {username} is changed")


@user.command("list")
def show_users() -> None:
    """List users."""
    from goip.auth import accounts

    for each in _run(accounts.list_users):
        click.echo(f"{each.username}\t{each.role}\t{'active' if each.is_active else 'inactive'}")


@cli.group()
def token() -> None:
    """API tokens for scripts."""


@token.command("create")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(["read", "operate", "admin"]), default=["read"]
)
@click.option("--days", type=click.IntRange(1, 3650), default=None, help="Runs out after so many days.")
def create_token(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make an API token; it is shown once."""
    from goip.auth import accounts

    click.echo(
        _run(lambda connection: accounts.create_token(connection, name=name, scopes=scopes, days=days))
    )


@cli.command()
def doctor() -> None:
    """Look at the settings and the database, and say what is wrong with them."""
    from goip.doctor import examine

    findings = asyncio.run(examine(Config.from_env()))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.is_good else 'BAD '} {finding.what}")
    sys.exit(0 if all(finding.is_good for finding in findings) else 1)


def _run(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do `work` in one transaction on the database of the settings. The server may be running beside."""
    from goip.store.engine import Database, trouble_is_unavailable
    from goip.store.migrate import migrate_if_new

    async def go() -> T:
        database = Database(Config.from_env().database_url)
        try:
            await migrate_if_new(database)
            with trouble_is_unavailable():
                async with database.writing() as connection:
                    return await work(connection)
        finally:
            await database.close()

    return asyncio.run(go())


cli.add_command(simulate_command, "simulate")


def main() -> None:
    """Entry of the console script: errors that people can mend are one line, not a traceback."""
    try:
        cli(standalone_mode=True)
    except (StartupError, GoipError) as error:
        click.echo(f"goip: {error}", err=True)
        sys.exit(1)
