"""The first schema: devices, models, variants, accuracies, measurements, each with its source."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("soc", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_soc"), ["soc"], unique=False)

    op.create_table(
        "model",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("higher_is_better", sa.Boolean(), nullable=False),
        sa.Column("default_max_latency_ms", sa.Float(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("citation", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "device_name",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("soc", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "variant",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("net", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("alpha", sa.Float(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("precision", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("weights", sa.String(), nullable=False),
        sa.Column("params", sa.BigInteger(), nullable=True),
        sa.Column("macs", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("operators", sa.String(), nullable=False),
        sa.Column("min_os", sa.String(), nullable=False),
        sa.Column("availability", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("upstream", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["model.name"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["source"], ["source.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("variant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_variant_model"), ["model"], unique=False)

    op.create_table(
        "accuracy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("runtime", sa.String(), nullable=False),
        sa.Column("processor", sa.String(), nullable=True),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["variant"], ["variant.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("accuracy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accuracy_variant"), ["variant"], unique=False)

    op.create_table(
        "measurement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("runtime", sa.String(), nullable=False),
        sa.Column("runtime_version", sa.String(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=True),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("processor_word", sa.String(), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=True),
        sa.Column("cores", sa.String(), nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=True),
        sa.Column("low_ms", sa.Float(), nullable=True),
        sa.Column("high_ms", sa.Float(), nullable=True),
        sa.Column("statistic", sa.String(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=True),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("ram_bytes", sa.BigInteger(), nullable=True),
        sa.Column("flash_bytes", sa.BigInteger(), nullable=True),
        sa.Column("energy_mj", sa.Float(), nullable=True),
        sa.Column("layers_npu", sa.Integer(), nullable=True),
        sa.Column("layers_gpu", sa.Integer(), nullable=True),
        sa.Column("layers_cpu", sa.Integer(), nullable=True),
        sa.Column("os", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("excluded", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["source"], ["source.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["variant"], ["variant.name"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("measurement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_measurement_device"), ["device"], unique=False)
        batch_op.create_index(batch_op.f("ix_measurement_variant"), ["variant"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("measurement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_measurement_variant"))
        batch_op.drop_index(batch_op.f("ix_measurement_device"))

    op.drop_table("measurement")
    with op.batch_alter_table("accuracy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accuracy_variant"))

    op.drop_table("accuracy")
    with op.batch_alter_table("variant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_variant_model"))

    op.drop_table("variant")
    op.drop_table("device_name")
    op.drop_table("source")
    op.drop_table("model")
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_soc"))

    op.drop_table("device")
