"""The first schema: devices, heartbeats, messages, facts, users and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("last_sms_id", KEY, nullable=False),
        sa.Column("n_messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "peer", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_last_sms_id", "conversations", ["last_sms_id"], unique=False)

    op.create_table(
        "devices",
        sa.Column("pk", KEY, autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("battery_level", sa.Integer(), nullable=True),
        sa.Column("charging", sa.Boolean(), nullable=True),
        sa.Column("signal_strength", sa.Integer(), nullable=True),
        sa.Column("device_status", sa.Text(), nullable=True),
        sa.Column("brand_info", sa.Text(), nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("firmware", sa.Text(), nullable=True),
        sa.Column("declared_interval_seconds", sa.Integer(), nullable=True),
        sa.Column("set_interval_seconds", sa.Integer(), nullable=True),
        sa.Column("phone_number", sa.Text(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("aside_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("aside_received_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("status_since", sa.BigInteger(), nullable=False),
        sa.Column("is_pending", sa.Boolean(), nullable=False),
        sa.Column("period_seconds", sa.Float(), nullable=False),
        sa.Column("jitter_seconds", sa.Float(), nullable=False),
        sa.Column("n_gaps", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "seq",
            KEY,
            nullable=False,
            comment="the row holds all heartbeats up to here",
        ),
        sa.Column("beat_seq", KEY, nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_devices")),
        sa.UniqueConstraint("device_id", name=op.f("uq_devices_device_id")),
    )
    op.create_table(
        "events",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("on_dashboard", sa.Boolean(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index("ix_events_room_seq", "events", ["room", "seq"], unique=False)

    op.create_table(
        "heartbeat_log",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("device_pk", KEY, nullable=False),
        sa.Column(
            "previous_seq",
            KEY,
            nullable=False,
            comment="the device's heartbeat before: a chain, no index",
        ),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_heartbeat_log")),
    )
    op.create_table(
        "heartbeat_rollups",
        sa.Column(
            "device_pk",
            KEY,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "slot_index", sa.Integer(), autoincrement=False, nullable=False, comment="-1: the device itself"
        ),
        sa.Column("step_seconds", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n_beats", sa.Integer(), nullable=False),
        sa.Column("n_battery", sa.Integer(), nullable=False),
        sa.Column("battery_sum", sa.BigInteger(), nullable=False),
        sa.Column("battery_min", sa.Integer(), nullable=True),
        sa.Column("battery_max", sa.Integer(), nullable=True),
        sa.Column("n_signal", sa.Integer(), nullable=False),
        sa.Column("signal_sum", sa.BigInteger(), nullable=False),
        sa.Column("signal_min", sa.Integer(), nullable=True),
        sa.Column("signal_max", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint(
            "device_pk", "slot_index", "step_seconds", "bucket_at", name=op.f("pk_heartbeat_rollups")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_heartbeat_rollups_step_seconds_bucket_at",
        "heartbeat_rollups",
        ["step_seconds", "bucket_at"],
        unique=False,
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "sms",
        sa.Column(
            "id",
            KEY,
            autoincrement=False,
            nullable=False,
            comment="the seq of the change that stored it",
        ),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("slot_index", sa.Integer(), nullable=True),
        sa.Column("carrier_name", sa.Text(), nullable=True),
        sa.Column("slot_phone_number", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("repeat_key", sa.Text(), nullable=False, comment="what makes a repeat the same message"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms")),
        sa.UniqueConstraint("repeat_key", name=op.f("uq_sms_repeat_key")),
    )
    op.create_index("ix_sms_device_id_id", "sms", ["device_id", "id"], unique=False)
    op.create_index("ix_sms_peer_id", "sms", ["peer", "id"], unique=False)

    op.create_table(
        "stream",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("seq", KEY, nullable=False),
        sa.Column(
            "oldest_seq",
            KEY,
            nullable=False,
            comment="no fact after this one was trimmed",
        ),
        sa.Column(
            "folded_seq",
            KEY,
            nullable=False,
            comment="no heartbeat up to this one waits to be folded",
        ),
        sa.Column("received_sms", KEY, nullable=False),
        sa.Column("sent_sms", KEY, nullable=False),
        sa.Column("delivered_sms", KEY, nullable=False),
        sa.Column("failed_sms", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream")),
    )
    op.create_table(
        "users",
        sa.Column("id", KEY, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_table(
        "keys",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="device, enrollment or api"),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the key"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("device_pk", KEY, nullable=True),
        sa.Column("user_id", KEY, nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("first_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_pk"], ["devices.pk"], name=op.f("fk_keys_device_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_keys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_keys_hash")),
    )
    op.create_index("ix_keys_device_pk", "keys", ["device_pk"], unique=False)
    op.create_index("ix_keys_user_id", "keys", ["user_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False, comment="a family of refresh tokens"),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column(
            "refresh_hash", sa.Text(), nullable=False, comment="SHA-256 of the one refresh token that is good"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("refreshed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"], unique=False)

    op.create_table(
        "sims",
        sa.Column("sim_key", sa.Text(), nullable=False, comment="the ICCID, or imsi:IMSI"),
        sa.Column("iccid", sa.Text(), nullable=True),
        sa.Column("imsi", sa.Text(), nullable=True),
        sa.Column("phone_number", sa.Text(), nullable=True),
        sa.Column("carrier_name", sa.Text(), nullable=True),
        sa.Column("operator_name", sa.Text(), nullable=True),
        sa.Column("balance", sa.Text(), nullable=True),
        sa.Column("device_pk", KEY, nullable=True),
        sa.Column("slot_index", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_pk"], ["devices.pk"], name=op.f("fk_sims_device_pk"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("sim_key", name=op.f("pk_sims")),
    )
    op.create_index("ix_sims_device_pk", "sims", ["device_pk"], unique=False)

    op.create_table(
        "slots",
        sa.Column("device_pk", KEY, nullable=False),
        sa.Column("slot_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("carrier_name", sa.Text(), nullable=True),
        sa.Column("operator_name", sa.Text(), nullable=True),
        sa.Column("phone_number", sa.Text(), nullable=True),
        sa.Column("signal_status", sa.Text(), nullable=True),
        sa.Column("signal_strength", sa.Integer(), nullable=True),
        sa.Column("iccid", sa.Text(), nullable=True),
        sa.Column("imsi", sa.Text(), nullable=True),
        sa.Column("imei", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("balance", sa.Text(), nullable=True),
        sa.Column("raw_status", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_pk"], ["devices.pk"], name=op.f("fk_slots_device_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_pk", "slot_index", name=op.f("pk_slots")),
        sqlite_with_rowid=False,
    )
    _index_text()


def _index_text() -> None:
    """Substrings of three characters and more, in any script, found by an index.

    PostgreSQL has that in an extension which not every server offers; without it a search still
    answers, by reading.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE sms_fts USING fts5"
            "(message, sender, recipient, content='sms', content_rowid='id', tokenize='trigram')"
        )
        op.execute(
            "CREATE TRIGGER sms_fts_insert AFTER INSERT ON sms BEGIN"
            " INSERT INTO sms_fts(rowid, message, sender, recipient)"
            " VALUES (new.id, new.message, new.sender, new.recipient); END"
        )
        op.execute(
            "CREATE TRIGGER sms_fts_delete AFTER DELETE ON sms BEGIN"
            " INSERT INTO sms_fts(sms_fts, rowid, message, sender, recipient)"
            " VALUES ('delete', old.id, old.message, old.sender, old.recipient); END"
        )
        return
    op.execute(
        "DO $$ BEGIN"
        "  CREATE EXTENSION IF NOT EXISTS pg_trgm;"
        "  CREATE INDEX ix_sms_text ON sms USING gin"
        "  (lower(message) gin_trgm_ops, lower(sender) gin_trgm_ops, lower(recipient) gin_trgm_ops);"
        " EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN"
        "  RAISE NOTICE 'pg_trgm is not available: searching messages will read them all';"
        " END $$"
    )
