"""The layout holds: parts point down, files stay short, names say what they are."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGES = (
    "zoo",
    "bench",
    "prediction",
    "registry",
    "device_profiles",
    "converters",
    "compress",
    "datasets",
    "architectures",
)
MODULES = sorted(path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py"))
LONGEST_LINES = 450
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "tools"}


def imports_of(path: Path) -> set[str]:
    """Top-level packages that a module imports when it is imported itself, not inside a function."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_the_import_contracts_hold(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()",
         "--config", str(CHECKOUT / "pyproject.toml"), "--cache-dir", str(tmp_path), "--no-logo"],
        cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 20


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_in_its_docstring_what_it_is_for(package):
    for path in sorted((CHECKOUT / package).rglob("__init__.py")):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_no_module_is_too_long():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_LINES} == {}


def test_no_module_has_a_name_that_says_nothing():
    vague = [path for path in MODULES if SAYS_NOTHING & {path.stem, *path.stem.split("_"), path.parent.name}]
    assert vague == []


def test_errors_import_nothing_of_ours():
    assert not imports_of(CHECKOUT / "zoo" / "errors.py") & set(PACKAGES)


WRITERS = {"registry/store.py", "registry/publications.py", "registry/releases.py"}


def test_sqlmodel_is_imported_only_where_tables_are_written():
    writers = {path.relative_to(CHECKOUT).as_posix() for path in MODULES
               if imports_of(path) & {"sqlmodel", "sqlalchemy", "alembic"}}  # fmt: skip
    assert all(
        each.startswith(("registry/tables", "registry/migrations/")) or each in WRITERS for each in writers
    )


def test_only_the_store_and_the_migrations_name_the_tables():
    naming = [
        path.relative_to(CHECKOUT).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (node.module == "registry.tables" or (node.module == "registry" and "tables" in _names(node)))
    ]
    assert set(naming) == {*WRITERS, "registry/migrations/env.py"}


def _names(node: ast.ImportFrom) -> set[str]:
    return {each.name for each in node.names}


def test_only_the_faces_print():
    printing = [
        path.relative_to(CHECKOUT).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "exit"}
    ]
    assert printing == []


# Where a vendor's code raises what it likes, and what it raised becomes a word of a report or another way is tried.
MAY_CATCH_ALL = {
    "converters/inspection/coreml/__init__.py", "converters/inspection/coverage/ethos_u.py",
    "converters/inspection/onnx/__init__.py", "converters/inspection/serving.py", "compress/sweep/work.py",
}  # fmt: skip


def test_no_code_swallows_every_exception():
    bare = [
        f"{path.relative_to(CHECKOUT)}:{node.lineno}"
        for path in MODULES
        if path.relative_to(CHECKOUT).as_posix() not in MAY_CATCH_ALL
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        )
        and not any(isinstance(each, ast.Raise) for each in ast.walk(node))
    ]
    assert bare == []
