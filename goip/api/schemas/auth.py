"""Logins, users and API tokens on the wire."""

from __future__ import annotations

from marshmallow import fields, validate

from goip.api.schemas.common import PageShape, Shape
from goip.auth.passwords import LONGEST, SHORTEST
from goip.auth.principals import ROLES, Permission
from goip.fields import Flag, Line, Text, Time, WireSchema, at_most, length

_LONGEST_LOGIN = 1_024
_LONGEST_NAME = 100
_SCOPES = tuple(permission.value for permission in Permission)


def _one_of(words: tuple[str, ...]) -> validate.OneOf:
    return validate.OneOf(words, error=f"Must be one of {', '.join(words)}.")


def _new_password() -> Text:
    # The rules themselves are those of `goip.auth.passwords`; these lengths are for the documents.
    return Text(required=True, metadata={"minLength": SHORTEST, "maxLength": LONGEST})


class LoginBody(WireSchema):
    """`POST /api/auth/login`."""

    username = Line(required=True, validate=at_most(_LONGEST_LOGIN))
    password = Text(required=True, validate=at_most(_LONGEST_LOGIN))


class RefreshBody(WireSchema):
    """`POST /api/auth/refresh` and `/logout`; a browser has the token in its cookie instead."""

    refresh_token = Line(allow_none=True, load_default=None, validate=at_most(_LONGEST_LOGIN))


class PasswordBody(WireSchema):
    """`POST /api/auth/password`."""

    current_password = Text(required=True, validate=at_most(_LONGEST_LOGIN))
    new_password = _new_password()


class UserCreate(WireSchema):
    """`POST /api/users`."""

    username = Line(required=True, validate=length(1, _LONGEST_NAME))
    password = _new_password()
    role = Line(load_default="viewer", validate=_one_of(ROLES))


class UserPatch(WireSchema):
    """`PATCH /api/users/{userId}`."""

    role = Line(validate=_one_of(ROLES))
    is_active = Flag()
    password = Text()


class TokenCreate(WireSchema):
    """`POST /api/tokens`; without `expiresAt` it does not run out."""

    name = Line(required=True, validate=length(1, _LONGEST_NAME))
    scopes = fields.List(Line(validate=_one_of(_SCOPES)), required=True, validate=length(1, len(_SCOPES)))
    expires_at = Time(allow_none=True, load_default=None)


class Identity(Shape):
    """A user, as a login tells."""

    id = fields.String()
    username = fields.String()
    role = fields.String(validate=_one_of(ROLES))


class OwnIdentity(Shape):
    """Who asks, as `GET /api/auth/me` tells; a script has no name, and an `id` where a user made its token."""

    id = fields.String(allow_none=True)
    username = fields.String(allow_none=True)
    role = fields.String(allow_none=True)
    customer_id = fields.String(allow_none=True)


class LoginAnswer(Shape):
    """A pair of tokens; `expiresIn` is the seconds that the access token is good for."""

    access_token = fields.String()
    refresh_token = fields.String()
    expires_in = fields.Integer()
    user = fields.Nested(Identity)


class MeAnswer(Shape):
    """Who asks, and until when the token is good."""

    user = fields.Nested(OwnIdentity)
    expires_at = fields.DateTime(format="iso", allow_none=True)


class UserShape(Identity):
    """A user, as administrators see it."""

    is_active = fields.Boolean()
    created_at = fields.DateTime(format="iso")
    last_login_at = fields.DateTime(format="iso", allow_none=True)


class UserAnswer(Shape):
    """One user."""

    user = fields.Nested(UserShape)


class UsersAnswer(PageShape):
    """All users, by name."""

    users = fields.List(fields.Nested(UserShape))


class TokenShape(Shape):
    """An API token, without what it is shown by."""

    id = fields.String()
    name = fields.String()
    scopes = fields.List(fields.String())
    user_id = fields.String(allow_none=True)
    created_at = fields.DateTime(format="iso")
    expires_at = fields.DateTime(format="iso", allow_none=True)
    first_used_at = fields.DateTime(format="iso", allow_none=True)


class TokenCreatedAnswer(Shape):
    """A new API token; `apiToken` is shown this once."""

    token = fields.Nested(TokenShape)
    api_token = fields.String()


class TokensAnswer(PageShape):
    """All API tokens that are not revoked, oldest first."""

    tokens = fields.List(fields.Nested(TokenShape))


class DoneAnswer(Shape):
    """It is done."""

    success = fields.Boolean()
