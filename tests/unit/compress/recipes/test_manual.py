"""docs/recipes.md says what the code does, because it is made of it."""

import re
from pathlib import Path

from compress.recipes.kinds import KINDS, WORDS
from compress.recipes.options import options
from tests.unit.compress.recipes.plans import read
from zoo.recipes import manual

PAGE = Path(__file__).parents[4] / "docs" / "recipes.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == manual(), "run: make recipes"


def test_the_recipe_of_the_page_can_be_read():
    (example,) = re.findall(r"```toml\n(.*?)```", manual(), re.DOTALL)
    assert [each.handle for each in read(example).nets] == ["large", "small", "thin"]


def test_the_page_has_every_step_and_every_option():
    page = manual()
    for word in WORDS:
        section = page.partition(f"## `{word}`")[2]
        assert KINDS[word].code.shown in section
        assert all(f"`{each.key}`" in page for each in options(KINDS[word].step))
