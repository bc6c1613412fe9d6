"""Errors that have an answer on the wire.

`GoipError` carries the HTTP status, a stable `code` for programs and a message for people.
Everything else that is raised is a defect of ours and is answered with a bare 500.
"""

from __future__ import annotations

from collections.abc import Mapping


class GoipError(Exception):
    """A refusal with a status (HTTP), a code (stable, snake_case) and a message (for people).

    `fields` maps the wire name of a bad field to what is wrong with it; `retry_after_seconds`
    becomes the `Retry-After` header.
    """

    status = 500
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: Mapping[str, object] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = dict(fields or {})
        self.retry_after_seconds = retry_after_seconds


class InvalidPayload(GoipError):
    """The sender's data does not fit; `fields` says where."""

    status = 400
    code = "invalid_payload"


class Unauthorized(GoipError):
    """No proof of who is calling, or one that does not hold."""

    status = 401
    code = "unauthorized"


class Forbidden(GoipError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(GoipError):
    """The thing named does not exist, or the caller may not know that it does."""

    status = 404
    code = "not_found"


class TooSlow(GoipError):
    """The caller began to send something and did not finish."""

    status = 408
    code = "too_slow"


class Conflict(GoipError):
    """The request collides with what is already there."""

    status = 409
    code = "conflict"


class TooManyRequests(GoipError):
    """A limit of this caller is used up; `retry_after_seconds` says when to try again."""

    status = 429
    code = "rate_limited"


class Unavailable(GoipError):
    """Our own trouble: nothing was stored, and the same request may succeed later."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_seconds: int = 5) -> None:
        super().__init__(message, code=code, retry_after_seconds=retry_after_seconds)


class StartupError(Exception):
    """The server cannot start; the message says why and what to do, for the person at the terminal."""
