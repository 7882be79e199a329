"""What is known of a variant from its file: input and output spec, certificate, coverage by delegates."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "artifact",
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=True),
        sa.Column("coverage", sa.String(), nullable=False),
        sa.Column("spec", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.sha256"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["variant"], ["variant.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("variant"),
    )


def downgrade() -> None:
    op.drop_table("artifact")
    op.drop_table("certificate")
