"""Runs the migrations on the connection that `registry.store.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

from registry import tables

__all__ = ["tables"]  # imported so that its tables are known


def run() -> None:
    """Run them inside the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
