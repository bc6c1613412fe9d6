"""Parts of long messages that wait for the rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sms_parts",
        sa.Column("message_id", sa.Text(), nullable=False, comment="of the whole"),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="the part's own, by which a repeat is known"),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("slot_index", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "place", name=op.f("pk_sms_parts")),
    )
