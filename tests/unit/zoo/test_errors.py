"""The tree of errors: what each exits with, and what it says."""

import re

import pytest

from zoo import errors
from zoo.errors import (
    AmbiguousNameError,
    BadProfileError,
    CatalogueError,
    MissingExtraError,
    RegistryError,
    UnknownNameError,
    UsageError,
    ZooError,
)


def tree(kind: type[ZooError] = ZooError, depth: int = 0) -> list[tuple[int, type[ZooError]]]:
    """An error with all its kinds, and how deep each one is."""
    return [(depth, kind), *(each for child in kind.__subclasses__() for each in tree(child, depth + 1))]


def test_the_docstring_draws_the_whole_tree_with_its_exit_codes():
    drawn = re.findall(r"^( *)[*-] (\w+) +exit (\d)", errors.__doc__, re.MULTILINE)
    assert [(len(indent) // 2, name, int(code)) for indent, name, code in drawn] == [
        (depth, kind.__name__, kind.exit_code) for depth, kind in tree() if kind.__module__ == "zoo.errors"
    ]


@pytest.mark.parametrize(
    ("kind", "exit_code", "http_status"),
    [
        (ZooError, 1, 500),
        (UsageError, 2, 400),
        (UnknownNameError, 2, 404),
        (AmbiguousNameError, 2, 409),
        (BadProfileError, 2, 400),
        (RegistryError, 1, 503),
        (CatalogueError, 1, 500),
        (MissingExtraError, 1, 500),
    ],
)
def test_an_error_knows_its_exit_code_and_status(kind, exit_code, http_status):
    assert (kind.exit_code, kind.http_status) == (exit_code, http_status)


def test_no_error_exits_with_the_codes_of_an_answer():
    assert {kind.exit_code for _, kind in tree()} <= {1, 2}


@pytest.mark.parametrize(
    ("name", "known", "advice", "message"),
    [
        pytest.param(
            "pixel33", ["pixel3"], "", "unknown device 'pixel33'. Did you mean 'pixel3'?", id="close"
        ),
        pytest.param(
            "PIXEL33",
            ["Pixel3"],
            "",
            "unknown device 'PIXEL33'. Did you mean 'Pixel3'?",
            id="in another case",
        ),
        pytest.param(
            "x", ["pixel3"], "List them.", "unknown device 'x'. List them.", id="nothing close, with advice"
        ),
        pytest.param("x", ["pixel3"], "", "unknown device 'x'.", id="nothing close, no advice"),
        pytest.param("x", [], "", "unknown device 'x'.", id="nothing known"),
        pytest.param(
            "pixel33",
            ["pixel3"],
            "List them.",
            "unknown device 'pixel33'. Did you mean 'pixel3'?",
            id="no advice",
        ),
    ],
)
def test_an_unknown_name_is_said_with_the_closest_or_with_advice(name, known, advice, message):
    assert str(UnknownNameError("device", name, known, advice)) == message


def test_at_most_three_close_names_are_given_and_always_the_same():
    known = [f"pixel{number}" for number in range(1, 10)]
    found = UnknownNameError("device", "pixel", known)
    assert len(found.close) == 3
    assert str(found) == str(UnknownNameError("device", "pixel", reversed(known)))


def test_an_ambiguous_name_lists_its_meanings_in_order():
    error = AmbiguousNameError("device", "S24", ["s24-b", "s24-a"])
    assert error.matches == ("s24-a", "s24-b")
    assert str(error) == (
        "'S24' is the name of more than one device: 's24-a' and 's24-b'. Give one of these ids."
    )


def test_a_bad_profile_lists_every_problem():
    error = BadProfileError("probe.json", ["ram_bytes: no", "cpu: no"])
    assert error.problems == ("ram_bytes: no", "cpu: no")
    assert str(error) == "bad device profile 'probe.json': ram_bytes: no; cpu: no"
