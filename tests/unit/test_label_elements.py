"""Products of a label file say which elements they show; one that the file lacks is told with its line."""

import re

import pytest

from sfumato.errors import InputError
from sfumato.labels import LabelSpace, read_labels

ELEMENTS = """elements:
  - {id: wind, zh: 风, aliases: [风场]}
  - {id: rain, zh: 降水}
"""


def written(tmp_path, products, elements=ELEMENTS):
    path = tmp_path / "labels.yaml"
    path.write_text(f"{elements}products:\n{products}", encoding="utf-8")
    return path


def test_elements_are_named_by_any_of_their_names_and_kept_by_their_ids(tmp_path):
    path = written(tmp_path, "  - {id: jet, elements: [风场, Rain]}\n  - {id: plain}\n")
    space = read_labels(path, "products")
    assert [label.elements for label in space.labels] == [("wind", "rain"), ()]
    (tmp_path / "of_a_bundle.yaml").write_text(space.to_yaml(), encoding="utf-8")
    assert LabelSpace.from_yaml(space.to_yaml(), "bundle") == read_labels(tmp_path / "of_a_bundle.yaml") == space


@pytest.mark.parametrize(
    ("products", "elements", "said"),
    [
        (
            "  - {id: jet, elements: [wind]}\n  - id: gale\n    elements:\n      - wnid\n",
            ELEMENTS,
            "labels.yaml:8: 'gale' names the unknown element 'wnid'; expected one of wind, rain; did you mean 'wind'?",
        ),
        ("  - {id: jet, elements: wind}\n", ELEMENTS, "labels.yaml:5: elements is 'wind'; expected a list of texts"),
    ],
)
def test_what_is_wrong_with_them(tmp_path, products, elements, said):
    with pytest.raises(InputError, match=re.escape(said)):
        read_labels(written(tmp_path, products, elements), "products")
