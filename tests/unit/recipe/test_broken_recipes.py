"""What is wrong with a recipe is said in one line: where, what, what was expected, the nearest name."""

from pathlib import Path

import pytest
import yaml

from sfumato.errors import InputError
from sfumato.recipe.load import load_recipe

CASES = yaml.safe_load(Path(__file__).with_name("broken_recipes.yaml").read_text(encoding="utf-8"))


def test_there_are_enough():
    assert len(CASES) >= 80
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_exact_line(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(case["recipe"], encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_recipe("recipe.yaml")
    assert str(caught.value) == case["error"]
    assert caught.value.exit_code == 2
