"""Instructions that an emulated core executes for one inference: no time, so a column of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("measurement", sa.Column("instructions", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("measurement", "instructions")
