"""Products whose label file says which elements they show: a margin among those that share one, and what is told."""

import json

import pytest
from tests.vlm_products import vlm_products

import sfumato
from sfumato.errors import InputError

LABELS = """
elements: [{id: colour}, {id: pot, zh: 锅}]
products:
  - {id: red pot, elements: [锅, colour]}
  - {id: blue pot, elements: [pot]}
  - {id: red shirt, elements: [colour]}
  - {id: blue shirt}
"""
MARGIN = {"data.labels": "labels.yaml", "timeline[0].loss": {"kind": "element_margin"}, "train.epochs": 1}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    root = tmp_path_factory.mktemp("shared")
    path = vlm_products(root, 60)
    (root / "labels.yaml").write_text(LABELS, encoding="utf-8")
    return path


def labelled(recipe) -> dict[str, object]:
    return {**MARGIN, "data.labels": {"file": str(recipe.parent / "labels.yaml"), "section": "products"}}


def test_a_margin_among_products_that_share_elements_and_their_confusion(recipe, tmp_path):
    run = sfumato.train(recipe, overrides=labelled(recipe), out=tmp_path / "run", quiet=True)
    assert {row["name"] for row in run.metrics["test"]["elements"]["rows"]} == {"pot", "colour"}
    assert run.metrics["test"]["elements"]["wrong"] >= run.metrics["test"]["elements"]["within"]
    assert {"accuracy", "top_3"} <= run.metrics["test"]["scores"].keys()
    page = run.report().read_text(encoding="utf-8")
    assert "Classes that share elements" in page and "name a class that shares an element with the true one" in page
    assert run.predictions["test"].labels.elements == ("pot", "colour")
    kept = json.loads((run.bundle / "results.json").read_text(encoding="utf-8"))
    assert kept["test"]["elements"] == run.metrics["test"]["elements"]


def test_without_elements_the_margin_is_refused_in_one_line(recipe, tmp_path):
    settings = {name: value for name, value in MARGIN.items() if name != "data.labels"}
    with pytest.raises(InputError) as failure:
        sfumato.train(recipe, overrides=settings, out=tmp_path / "run", quiet=True)
    assert "timeline[0].loss: has no effect: no two classes share an element; name a label file" in str(failure.value)
