"""Products whose prompts hold the elements that a cross-validation saw in samples it had not trained on."""

import csv
from pathlib import Path

import polars as pl
import pytest
from tests.vlm_products import vlm_products

import sfumato
from sfumato.element_words import find
from sfumato.errors import InputError

SEEN = """
name: elements
data: {source: elements.csv, images: pictures, columns: {label: elements}, split: {val: 0.25, test: 0.2}}
model: {backbone: test_resnet, weights: none}
augment: {flips: [horizontal]}
train: {epochs: 2, optimizer: {lr: 1e-2}, precision: fp32, workers: 0}
timeline: [{at: 0ep, image_size: 32, batch_size: 16, augment: 0, loss: {kind: binary_cross_entropy}}]
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Products, and a cross-validation of the elements in their pictures."""
    root = tmp_path_factory.mktemp("elements")
    vlm_products(root, 60, words=tuple("【】、（）"))
    with (root / "products.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "id\telements",
        *(
            f"{row['id']}\t{row['label'].split()[0]}|chart" if i % 3 else f"{row['id']}\t{row['label'].split()[0]}"
            for i, row in enumerate(rows)
        ),
    ]
    (root / "elements.csv").write_text("\n".join(line.replace("\t", ",") for line in lines) + "\n", encoding="utf-8")
    (root / "elements.yaml").write_text(SEEN, encoding="utf-8")
    sfumato.crossval(root / "elements.yaml", folds=2, out=root / "seen", quiet=True)
    return root


def test_the_prompt_says_what_was_seen_out_of_fold_and_not_the_truth(root, tmp_path):
    settings = {
        "data.elements": {"run": str(root / "seen"), "sure": 0.9},
        "augment.texts": {},
        "train.epochs": 1,
        "timeline[0].augment": 1,
    }
    run = sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    texts = dict(pl.read_parquet(run.folder / "data" / "table.parquet").select("id", "text").iter_rows())
    known = pl.concat(
        [pl.read_parquet(root / f"seen/predictions/{part}.parquet").select("id") for part in ("oof", "test")]
    )
    assert set(texts) == set(known["id"])
    said = {id_: find(text) for id_, text in texts.items()}
    assert all(found is not None for found in said.values())
    assert any(not element.sure for found in said.values() for element in found[0])
    assert all(found[2].strip() for found in said.values())  # their own texts stand behind
    assert "seen" in (run.bundle / "recipe.yaml").read_text()
    assert str(root) not in (run.bundle / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"data.elements": {"run": "nowhere"}},
            "data.elements.run: no predictions out of fold; expected the folder of a finished",
        ),
        (
            {"augment.texts": {}, "model.prompt": "what?", "timeline[0].augment": 1},
            "augment.texts: has no effect: this model reads no texts",
        ),
        (
            {"data.elements": {"run": "a"}, "model.prompt": "what?"},
            "data.elements: has no effect: this model reads no texts",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line(root, tmp_path, settings, message):
    with pytest.raises(InputError) as failure:
        sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    assert message in str(failure.value)


def test_samples_that_nothing_is_known_of_are_refused(root, tmp_path):
    table = (root / "products.csv").read_text().replace("p007,", "new,")
    (tmp_path / "products.csv").write_text(table)
    (root / "pictures" / "new.png").write_bytes((root / "pictures" / "p007.png").read_bytes())
    settings = {
        "data.source": str(tmp_path / "products.csv"),
        "data.images": str(root / "pictures"),
        "data.elements.run": str(root / "seen"),
    }
    with pytest.raises(InputError, match="says nothing of 1 of 60 samples, such as 'new'"):
        sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
