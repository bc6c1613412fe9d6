"""One row of the table of routes: what an address takes, what it answers, and who may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from aiohttp import web
from marshmallow import Schema

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(Enum):
    """Who may ask; the value says it in words, for the documents."""

    PUBLIC = "anybody"
    GATEWAY = "a device with its key, or with an enrolment key the first time"
    USER = "a user who is logged in"
    READ = "a user or script that may read"
    LISTEN = "a user or script that may read, or a device in its own room"
    OPERATE = "a user or script that may operate"
    ADMINISTER = "a user or script that may administer"


@dataclass(frozen=True)
class Route:
    """A method and a path in aiohttp's notation, its handler, and what to tell people about it.

    `query`, `body` and `answer` are schema classes; `status` is the answer's when all goes well.
    `takes_many`: an array of bodies is taken too, and answered item by item. `also_answers`: media types
    in which the answer can be had beside JSON; with no `answer`, those alone.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    summary: str
    query: type[Schema] | None = None
    body: type[Schema] | None = None
    answer: type[Schema] | None = None
    tag: str = "other"
    status: int = 200
    takes_many: bool = False
    also_answers: tuple[str, ...] = ()
