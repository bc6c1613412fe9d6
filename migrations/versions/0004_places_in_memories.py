"""How far the memories of boxes are read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "memory_places",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("life", sa.Text(), nullable=False, comment="another one when the box counts from 1 again"),
        sa.Column("next_id", sa.BigInteger(), nullable=False),
        sa.Column("n_recovered", sa.Integer(), nullable=False, comment="messages not told as recovered yet"),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_memory_places")),
    )
