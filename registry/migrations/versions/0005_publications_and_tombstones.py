"""Who published what and when, and what was withdrawn since."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publication",
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["variant"], ["variant.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("variant"),
    )
    op.create_table(
        "tombstone",
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("successor", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["successor"], ["variant.name"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["variant"], ["variant.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("variant"),
    )


def downgrade() -> None:
    op.drop_table("tombstone")
    op.drop_table("publication")
