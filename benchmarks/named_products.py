"""What a tiny vision-language model learns of products that neither picture nor text names alone.

usage: named_products.py WORK [--write]    --write files the result

Runs examples/named_products in WORK, then asks the bundle about its test samples with both, without the pictures and
without the texts. WORK keeps what is finished.
"""

import argparse
import csv
import os
import platform
import shutil
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

import sfumato
from sfumato.json_file import read_json
from sfumato.metrics.intervals import Interval, share_interval
from sfumato.predict.inputs import WithText
from sfumato.run_folder import environment

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "named_products"


def trained(work: Path) -> sfumato.Run:
    """The example's run."""
    work.mkdir(parents=True, exist_ok=True)
    run = work / "run"
    if not (work / "products").is_dir():
        subprocess.run([sys.executable, str(EXAMPLE / "make.py"), str(work / "products")], check=True)
    if not (run / "bundle").is_dir():
        shutil.copy(EXAMPLE / "recipe.yaml", work)
        return sfumato.train(work / "recipe.yaml", out=run)
    return sfumato.Run(run)


def inputs(run: sfumato.Run, work: Path) -> list[WithText]:
    """The test samples, picture and text."""
    with (work / "products" / "products.csv").open(encoding="utf-8") as file:
        texts = {row["id"]: row["text"] for row in csv.DictReader(file)}
    pictures = work / "products" / "pictures"
    return [WithText(pictures / f"{id_}.png", texts[id_]) for id_ in run.predictions["test"].ids]


def right(run: sfumato.Run, asked: list[WithText]) -> Interval:
    """Share of the test samples that are named rightly."""
    logits = np.concatenate([row.logits for _, row in sfumato.load(run.bundle).scored(asked)])
    return share_interval(logits.argmax(axis=1) == run.predictions["test"].truth, None)


def share(found: Interval) -> str:
    """Percent with the interval."""
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    run, env = trained(asked.work), environment()
    whole = inputs(run, asked.work)
    found = {
        "picture and text": right(run, whole),
        "the text alone": right(run, [WithText(None, one.text) for one in whole]),
        "the picture alone": right(run, [WithText(one.image, "") for one in whole]),
    }
    classes, seconds = len(run.predictions["test"].labels), read_json(run.folder / "cost.json")["seconds"]
    lines = [
        "# Products that are named: what picture and text are worth",
        "",
        f"`python benchmarks/named_products.py WORK --write`, {date.today()}; {env['processor']}, no GPU;",
        f"Python {env['python']}, torch {env['packages']['torch']}, transformers {version('transformers')}.",
        f"examples/named_products: {classes} products of three colours, which pictures show, and three things, which",
        f"texts say; a Gemma 3 of two layers and random weights, trained for {seconds:.0f} s. Of {len(whole)} test",
        "samples, which chose nothing, percent named rightly with 95 % intervals. One model, from which a part is",
        "withheld; chance for what a part can't tell is a third.",
        "",
        "| what it is shown | named rightly |",
        "| --- | --- |",
        *(f"| {name} | {share(one)} |" for name, one in found.items()),
    ]
    print("\n".join(lines))
    if asked.write:
        name = f"named-products_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        (HERE / "results" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert found["picture and text"].low > max(found["the text alone"].high, found["the picture alone"].high)


if __name__ == "__main__":
    main()
