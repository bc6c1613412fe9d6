"""Keys by time, so that what other processes changed is found without reading them all."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_keys_kind_created_at", "keys", ["kind", "created_at"], unique=False)
    op.create_index("ix_keys_revoked_at", "keys", ["revoked_at"], unique=False)
