"""Long jobs, and who is connected."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validates_schema

from goip.api.schemas.common import Shape, or_null
from goip.api.schemas.state import LONGEST_WAIT_SECONDS
from goip.fields import Line, Real, Whole, WireSchema, at_most, between, one_of


class ProgressQuery(WireSchema):
    """`GET /api/import/progress/{sessionId}`."""

    after = Whole(
        load_default=None,
        validate=between(0, 10**9),
        metadata={"description": "The `version` that the client has; without it, the one that is now."},
    )
    wait = Real(
        load_default=0.0,
        validate=between(0, LONGEST_WAIT_SECONDS),
        metadata={"description": "Seconds to wait for news."},
    )


class ProgressAnswer(Shape):
    """How far a job is. `version` counts what was told of it."""

    session_id = fields.String()
    status = fields.String(validate=one_of("running", "complete", "error"))
    processed = fields.Integer()
    total = fields.Integer()
    succeeded = fields.Integer()
    failed = fields.Integer()
    skipped = fields.Integer()
    rate_per_second = fields.Float()
    eta_seconds = or_null(fields.Float)
    last_error = or_null(fields.String)
    version = fields.Integer()
    at = fields.DateTime()


class TestJobBody(WireSchema):
    """`POST /api/test/job`."""

    __test__ = False

    seconds = Real(required=True, validate=between(0, 600))
    total = Whole(required=True, validate=between(1, 1_000_000))
    fail_at = Whole(
        load_default=None,
        validate=between(1, 1_000_000),
        metadata={"description": "The row at which the job is to fail."},
    )

    @validates_schema
    def check_fail_at(self, data: dict[str, object], **_: object) -> None:
        """Raises ValidationError for a failure that would never come."""
        fail_at, total = data.get("fail_at"), data.get("total")
        if isinstance(fail_at, int) and isinstance(total, int) and fail_at > total:
            raise ValidationError("Must not be after total.", "fail_at")


class TestJobAnswer(Shape):
    """The session of a job that was started."""

    __test__ = False

    session_id = fields.String()
    total = fields.Integer()


class ConnectionsQuery(WireSchema):
    """`GET /api/test/ws-status`."""

    user = Line(validate=at_most(200), metadata={"description": "The name of a user to ask for."})


class RoomCountShape(Shape):
    """A room, and how many listen to it."""

    room = fields.String()
    members = fields.Integer()


class ConnectionShape(Shape):
    """One connection. `carrier` is what it runs over, `queueLength` what waits to be sent to it."""

    transport = fields.String(validate=one_of("socketio", "websocket", "sse", "polling"))
    carrier = fields.String(validate=one_of("websocket", "http"))
    kind = fields.String(validate=one_of("user", "script", "device", "nobody"))
    user = or_null(fields.String)
    device_id = or_null(fields.String)
    address = or_null(fields.String)
    since = fields.DateTime()
    rooms = fields.List(fields.String())
    queue_length = fields.Integer()
    is_behind = fields.Boolean()


class ConnectionsAnswer(Shape):
    """Who is connected. `isUserConnected` is null unless a user was asked for."""

    get_connected_count = fields.Integer()
    is_user_connected = or_null(fields.Boolean)
    by_transport = fields.Dict(keys=fields.String(), values=fields.Integer())
    by_user = fields.Dict(keys=fields.String(), values=fields.Integer())
    rooms = fields.List(fields.Nested(RoomCountShape))
    clients = fields.List(fields.Nested(ConnectionShape))
    server_time = fields.DateTime()
