"""What every test of this folder starts with."""

import sys

import pytest


@pytest.fixture(autouse=True)
def gradients():
    """Gradients on, whoever ran before: a source of the converters turns them off for the whole process."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.enable_grad():
        yield
