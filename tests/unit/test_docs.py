"""The docs say what the program does: the reference is fresh, recipes in the text load, verbs exist."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from sfumato.cli import app
from sfumato.recipe.load import load_recipe

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "README.zh-CN.md"]
FRAME = {"data": {"source": "photos"}, "model": {"backbone": "resnet18"}}


def test_the_reference_is_fresh():
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == module.page(), "run `make docs`"


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        texts = re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        found += [(page.name, text) for text in texts]
    return found


@pytest.mark.parametrize(("page", "text"), blocks("yaml"))
def test_recipes_in_the_docs_load(page, text, tmp_path):
    document = yaml.safe_load(text)
    if document is None or "extends" in document:
        pytest.skip("a fragment that needs another file")
    for section, settings in FRAME.items():
        given = document.get(section, {})
        document[section] = given if "kind" in given else {**settings, **given}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    load_recipe(tmp_path / "recipe.yaml")


def test_there_are_recipes_to_load():
    assert len(blocks("yaml")) >= 8


def test_every_verb_in_the_docs_exists():
    verbs = {command.name or command.callback.__name__ for command in app.registered_commands}
    said = {
        verb
        for page in PAGES
        for verb in re.findall(r"(?:^|`|\$ )sfumato ([a-z]+)\b", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert said <= verbs
    assert verbs <= said | {"report"}
