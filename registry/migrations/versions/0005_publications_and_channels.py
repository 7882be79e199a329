"""Who published what and when, what was withdrawn since, and what channels offer."""

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
    op.create_table(
        "release",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("variants", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["model.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("model", "name"),
    )
    op.create_table(
        "channel",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["model.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("model", "name"),
    )
    op.create_table(
        "channel_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("shares", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["model", "channel"], ["channel.model", "channel.name"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["model", "release"], ["release.model", "release.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("channel_event")
    op.drop_table("channel")
    op.drop_table("release")
    op.drop_table("tombstone")
    op.drop_table("publication")
