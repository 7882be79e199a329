"""The migrations: pytest-alembic's own tests against SQLite, and that code and schema agree."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)

from registry import store
from registry.reader import SCHEMA, Reader

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]


@pytest.fixture
def alembic_config() -> Config:
    return store.migration_config()


@pytest.fixture
def alembic_engine(tmp_path) -> Iterator[sa.Connection]:
    """The connection that the migrations run on, with the settings that the store uses."""
    engine = store.engine_for(tmp_path / "zoo.db")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_the_reader_wants_the_newest_schema():
    assert ScriptDirectory.from_config(store.migration_config()).get_current_head() == SCHEMA


def test_revisions_are_numbered_in_order():
    script = ScriptDirectory.from_config(store.migration_config())
    found = [each.revision for each in script.walk_revisions()][::-1]
    assert found == [f"{number:04}" for number in range(1, len(found) + 1)]


def test_migrating_twice_changes_nothing(tmp_path):
    engine = store.engine_for(tmp_path / "zoo.db")
    store.migrate(engine)
    before = (tmp_path / "zoo.db").read_bytes()
    store.migrate(engine)
    engine.dispose()
    assert (tmp_path / "zoo.db").read_bytes() == before


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path):
    engine = store.engine_for(tmp_path / "zoo.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE variant (taken TEXT)")
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        store.migrate(engine)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["variant"]
    engine.dispose()


LATER = {
    "alembic_version", "artifact", "certificate", "predictor", "publication", "tombstone", "release", "channel",
    "channel_event",
}  # fmt: skip


def test_a_registry_of_the_first_schema_keeps_every_row_on_its_way_up_and_back(made, small):
    engine = store.engine_for(made)
    with engine.begin() as connection:
        names = [each for each in sa.inspect(connection).get_table_names() if each not in LATER]
        command.downgrade(store.migration_config(connection), "0001")
        columns = {
            each: ", ".join(column["name"] for column in sa.inspect(connection).get_columns(each))
            for each in names
        }

    def rows() -> dict[str, list[tuple[object, ...]]]:
        with engine.connect() as connection:
            return {
                name: connection.execute(sa.text(f"SELECT {of} FROM {name}")).fetchall()
                for name, of in columns.items()
            }

    before = rows()
    assert before["measurement"]
    assert not LATER - {"alembic_version"} & set(sa.inspect(engine).get_table_names())
    store.migrate(engine)
    assert rows() == before
    engine.dispose()
    with Reader(made) as reader:
        assert reader.variants().keys() == small.variants.keys()
        assert {each.instructions for each in reader.measurements()} == {None}
        assert reader.predictor("latency") is None


def test_a_model_of_latencies_is_kept_as_it_was_written_and_replaced(made):
    for text in ('{"cpu": 1}', '{"cpu": 2, "µ": "é"}'):
        store.keep_predictor(made, "latency", text)
        with Reader(made) as reader:
            assert reader.predictor("latency") == text
            assert reader.predictor("energy") is None


def test_every_foreign_key_refuses_to_lose_what_it_refers_to(tmp_path):
    engine = store.engine_for(tmp_path / "zoo.db")
    store.migrate(engine)
    inspector = sa.inspect(engine)
    keys = [key for name in inspector.get_table_names() for key in inspector.get_foreign_keys(name)]
    engine.dispose()
    assert len(keys) == 17
    assert {key["options"]["ondelete"] for key in keys} == {"RESTRICT"}
