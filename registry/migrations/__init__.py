"""Alembic migrations of a registry; revisions are numbered, and the newest is `registry.reader.SCHEMA`."""
