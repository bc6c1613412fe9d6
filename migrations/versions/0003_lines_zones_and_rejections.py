"""Lines under their box, time zones, and devices that were turned away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "devices",
        sa.Column(
            "parent", sa.Text(), nullable=True, comment="the device_id of the box that it is a line of"
        ),
    )
    op.add_column("devices", sa.Column("time_zone", sa.Text(), nullable=True))
    op.create_table(
        "rejected_devices",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("rejected_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "rejected_by", sa.Text(), nullable=True, comment="the username, where somebody had logged in"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_rejected_devices")),
    )
