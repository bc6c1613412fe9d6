"""The tables, once for both databases.

Times are ms since the epoch, JSON is text, integer keys inside. A change here needs a migration in
`migrations/versions`; a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite's rowid is an INTEGER; PostgreSQL needs eight bytes said aloud.
Key = BigInteger().with_variant(Integer, "sqlite")

stream = Table(
    "stream",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Text, nullable=False),
    Column("seq", Key, nullable=False),
    Column("oldest_seq", Key, nullable=False, comment="no fact after this one was trimmed"),
    Column("folded_seq", Key, nullable=False, comment="no heartbeat up to this one waits to be folded"),
    Column("received_sms", Key, nullable=False, default=0),
    Column("sent_sms", Key, nullable=False, default=0),
    Column("delivered_sms", Key, nullable=False, default=0),
    Column("failed_sms", Key, nullable=False, default=0),
)
"""One row: the place of the stream and the totals, moved in every commit."""

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the server made for itself at its first start, such as the key that signs tokens."""

devices = Table(
    "devices",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=False),
    Column("device_id", Text, nullable=False, unique=True),
    Column("make", Text, nullable=False),
    Column("name", Text),
    Column("battery_level", Integer),
    Column("charging", Boolean),
    Column("signal_strength", Integer),
    Column("device_status", Text),
    Column("brand_info", Text, nullable=False),
    Column("ip_address", Text),
    Column("firmware", Text),
    Column("declared_interval_seconds", Integer),
    Column("set_interval_seconds", Integer),
    Column("parent", Text, comment="the device_id of the box that it is a line of"),
    Column("time_zone", Text),
    Column("phone_number", Text),
    Column("counter", BigInteger),
    Column("sent_at", BigInteger),
    Column("aside_sent_at", BigInteger),
    Column("aside_received_at", BigInteger),
    Column("last_seen_at", BigInteger),
    Column("status", Text, nullable=False),
    Column("status_reason", Text, nullable=False),
    Column("status_since", BigInteger, nullable=False),
    Column("is_pending", Boolean, nullable=False),
    Column("period_seconds", Float, nullable=False),
    Column("jitter_seconds", Float, nullable=False),
    Column("n_gaps", Integer, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    Column("seq", Key, nullable=False, comment="the row holds all heartbeats up to here"),
    Column("beat_seq", Key, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("device_pk", Key, ForeignKey("devices.pk", ondelete="CASCADE"), primary_key=True),
    Column("slot_index", Integer, primary_key=True, autoincrement=False),
    Column("carrier_name", Text),
    Column("operator_name", Text),
    Column("phone_number", Text),
    Column("signal_status", Text),
    Column("signal_strength", Integer),
    Column("iccid", Text),
    Column("imsi", Text),
    Column("imei", Text),
    Column("status", Text),
    Column("balance", Text),
    Column("raw_status", Text),
    sqlite_with_rowid=False,
)

sims = Table(
    "sims",
    metadata,
    Column("sim_key", Text, primary_key=True, comment="the ICCID, or imsi:IMSI"),
    Column("iccid", Text),
    Column("imsi", Text),
    Column("phone_number", Text),
    Column("carrier_name", Text),
    Column("operator_name", Text),
    Column("balance", Text),
    Column("device_pk", Key, ForeignKey("devices.pk", ondelete="SET NULL"), index=True),
    Column("slot_index", Integer),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
)

heartbeat_log = Table(
    "heartbeat_log",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("device_pk", Key, nullable=False),
    Column("previous_seq", Key, nullable=False, comment="the device's heartbeat before: a chain, no index"),
    Column("received_at", BigInteger, nullable=False),
    Column("heartbeat", Text, nullable=False),
)
"""Appended in the commit, in time order; old parts are dropped from the front."""

heartbeat_rollups = Table(
    "heartbeat_rollups",
    metadata,
    Column("device_pk", Key, primary_key=True, autoincrement=False),
    Column("slot_index", Integer, primary_key=True, autoincrement=False, comment="-1: the device itself"),
    Column("step_seconds", Integer, primary_key=True, autoincrement=False),
    Column("bucket_at", BigInteger, primary_key=True, autoincrement=False),
    Column("n_beats", Integer, nullable=False),
    Column("n_battery", Integer, nullable=False),
    Column("battery_sum", BigInteger, nullable=False),
    Column("battery_min", Integer),
    Column("battery_max", Integer),
    Column("n_signal", Integer, nullable=False),
    Column("signal_sum", BigInteger, nullable=False),
    Column("signal_min", Integer),
    Column("signal_max", Integer),
    Index("ix_heartbeat_rollups_step_seconds_bucket_at", "step_seconds", "bucket_at"),
    sqlite_with_rowid=False,
)
"""Heartbeats of one device (or slot) in one bucket of time: what charts are drawn from."""

sms = Table(
    "sms",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False, comment="the seq of the change that stored it"),
    Column("device_id", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text),
    Column("peer", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("slot_index", Integer),
    Column("carrier_name", Text),
    Column("slot_phone_number", Text),
    Column("status", Text, nullable=False),
    Column("repeat_key", Text, nullable=False, unique=True, comment="what makes a repeat the same message"),
    Index("ix_sms_device_id_id", "device_id", "id"),
    Index("ix_sms_peer_id", "peer", "id"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("device_id", Text, primary_key=True),
    Column("peer", Text, primary_key=True),
    Column("last_sms_id", Key, nullable=False, index=True),
    Column("n_messages", Integer, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False),
    Column("room", Text, nullable=False),
    Column("on_dashboard", Boolean, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_events_room_seq", "room", "seq"),
)
"""The facts: what a resumed client is told, every one, in order, once."""

memory_places = Table(
    "memory_places",
    metadata,
    Column("device_id", Text, primary_key=True),
    Column("life", Text, nullable=False, comment="another one when the box counts from 1 again"),
    Column("next_id", BigInteger, nullable=False),
    Column("n_recovered", Integer, nullable=False, comment="messages not told as recovered yet"),
)
"""How far the memory of a box is read."""

sms_parts = Table(
    "sms_parts",
    metadata,
    Column("message_id", Text, primary_key=True, comment="of the whole"),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("device_id", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("number", Text, nullable=False, comment="the part's own, by which a repeat is known"),
    Column("message", Text, nullable=False),
    Column("slot_index", Integer),
    Column("received_at", BigInteger, nullable=False),
)
"""Parts of long messages that wait for the rest."""

rejected_devices = Table(
    "rejected_devices",
    metadata,
    Column("device_id", Text, primary_key=True),
    Column("make", Text, nullable=False),
    Column("name", Text),
    Column("ip_address", Text),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("rejected_at", BigInteger, nullable=False),
    Column("rejected_by", Text, comment="the username, where somebody had logged in"),
)
"""Devices that waited and were turned away: kept out until somebody lets them knock again."""

users = Table(
    "users",
    metadata,
    Column("id", Key, primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True, comment="a family of refresh tokens"),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("refresh_hash", Text, nullable=False, comment="SHA-256 of the one refresh token that is good"),
    Column("created_at", BigInteger, nullable=False),
    Column("refreshed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("address", Text),
    Column("user_agent", Text),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", Text, nullable=False, comment="device, enrollment or api"),
    Column("hash", Text, nullable=False, unique=True, comment="SHA-256 of the key"),
    Column("name", Text, nullable=False),
    Column("device_pk", Key, ForeignKey("devices.pk", ondelete="CASCADE"), index=True),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("scopes", Text, nullable=False, default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("first_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("ix_keys_kind_created_at", "kind", "created_at"),
    Index("ix_keys_revoked_at", "revoked_at"),
)
"""What gateways and scripts show: device keys, enrolment keys and API tokens, never in the clear."""
