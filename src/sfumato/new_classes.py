"""What fine-tuning costs classes it never sees: a recipe without some of its classes, before and after."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sfumato.bundle.folder import read_bundle
from sfumato.console import Console
from sfumato.data.splits.split import split
from sfumato.data.splits.units import units_of
from sfumato.data.table import Table
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.errors import InputError
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import write_json
from sfumato.labels import LabelSpace
from sfumato.metrics.base_to_new import BaseToNew, base_to_new
from sfumato.metrics.paired_labels import LabelAnswers
from sfumato.models.class_texts import texts_of
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.predict.predictor import load
from sfumato.preparation.beginning import SETTING as START
from sfumato.preparation.beginning import place_of
from sfumato.preparation.parts import samples_of
from sfumato.preparation.prepare import sharing_of
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.run import Run, train
from sfumato.training.records import Noted
from sfumato.zero_shot import zero_shot

Texts = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class NewClasses:
    """What came of it."""

    folder: Path
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    figures: BaseToNew


def new_classes(
    recipe: str | Path | Recipe | Mapping[str, Any],
    unseen: Sequence[str] | int,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> NewClasses:
    """Train a recipe without the labels of some classes, and measure them and the others against zero-shot.

    The pictures stay: in training one of an unseen class is one of none of the seen. Both networks are asked about all
    classes by their texts, on the same test samples; thresholds of unseen classes are borrowed.

    Args:
        recipe: Of a dual encoder, for images of several classes.
        unseen: Names of classes, or how many are drawn by the recipe's seed.
        overrides: Recipe path -> value.
        out: A new folder; None = `runs/NAME-new-classes`, numbered if need be.
        quiet: Show nothing.

    Raises:
        InputError: Another model, data with one class an image, no such class, none left, weights that know one, or no
            test sample of a class of either kind; nothing was written.
    """
    loaded, console = load_recipe(recipe, overrides), Console(quiet=quiet)
    with loaded.located():
        whole, texts = _whole(loaded.recipe, console)
        new = _chosen(unseen, whole.labels, loaded.recipe.train.seed)
        _refuse_known(loaded.recipe, new)
        _refuse_unmeasured(whole.part("test"), new)
    with free_folder(out, f"{loaded.recipe.name}-new-classes") as path:
        path.mkdir(parents=True, exist_ok=True)
        seen = whole.labels.only(name for name in whole.labels.names if name not in new)
        with emptied_on_failure(path):
            changed = {**(overrides or {}), **_restricted(loaded.recipe, whole, seen, texts, path)}
            console.note(Noted(f"not trained on: {', '.join(new)}; trained on: {', '.join(seen.names)}"))
            before = zero_shot(recipe, overrides=changed, out=path / "zero-shot", quiet=quiet)
        after = train(recipe, overrides=changed, out=path / "tuned", quiet=quiet)
        figures = _measured(whole.part("test"), before, after, new, texts)
        done = NewClasses(path, seen.names, new, figures)
        write_json(path / "new_classes.json", {"seen": seen.names, "unseen": new, **figures.to_dict()})
    return done


def lines(done: NewClasses) -> list[str]:
    """What a person reads of it."""
    found = [
        f"{len(done.seen)} classes were trained on and {len(done.unseen)} were not; {done.figures.samples} test images"
    ]
    for score, by_kind in (("mAP", done.figures.map), ("macro-F1", done.figures.macro_f1)):
        for kind, moved in by_kind.items():
            name = f"{score}, {kind}"
            figures = f"{moved.before.value:.3f} -> {moved.after.value:.3f}"
            reach = f"{moved.change.value:+.3f} ({moved.change.low:+.3f} to {moved.change.high:+.3f})"
            found.append(f"  {name:<20} {figures}   {reach}")
    return found


def _whole(recipe: Recipe, console: Console) -> tuple[Table, Texts]:
    """All samples with their parts, and the texts of all classes."""
    model = recipe.model
    if not isinstance(model, DualEncoderSpec):
        what = f"a model of kind {model.kind} can't be asked about classes it was not trained on"
        raise InputError(what, setting="model.kind", expected="dual_encoder")
    table = samples_of(recipe)
    if not table.layout.multilabel:
        raise InputError("an image is of one class here", setting="data.source", expected="images of several classes")
    texts = texts_of(model.texts, table.labels)
    together = recipe.data.split.near_duplicates == "together"
    usable = sharing_of(recipe)(table, console.stage, clusters=together).usable
    return split(usable, recipe.data.split), texts


def _chosen(unseen: Sequence[str] | int, labels: LabelSpace, seed: int) -> tuple[str, ...]:
    """The classes that are not trained on, in the order of the labels."""
    if isinstance(unseen, int):
        drawn = np.random.default_rng(seed).permutation(len(labels))[: max(0, unseen)]
        found = {labels.names[place] for place in cast(list[int], drawn.tolist())}
    else:
        found = set[str]()
        for name in unseen:
            label = labels.find(name)
            if label is None:
                expected = ", ".join(labels.names)
                raise InputError(
                    f"no class {name!r}", where="--unseen", expected=expected, nearest=labels.nearest(name)
                )
            found.add(label)
    if not 1 <= len(found) <= len(labels) - 2:
        what = f"{len(found)} of {len(labels)} classes"
        raise InputError(what, where="--unseen", expected="at least one, and two that are trained on")
    return tuple(name for name in labels.names if name in found)


def _refuse_known(recipe: Recipe, new: tuple[str, ...]) -> None:
    """Refuse weights that a run on an unseen class left: nothing would tell what it costs never to see it."""
    if recipe.train.init_from is None:
        return
    place = place_of(recipe)
    known = {name for space in read_bundle(place).tasks.spaces.values() for name in space.names}
    if found := [name for name in new if name in known]:
        what = f"{found[0]!r} is to be unseen, and is a class there"
        raise InputError(what, where=str(place), setting=START, expected="a run without it, or none")


def _refuse_unmeasured(test: Table, new: tuple[str, ...]) -> None:
    """Refuse before any training what no sample could measure after it."""
    there, unseen = (test.membership == 1).any(axis=0), np.array([name in new for name in test.labels.names])
    for some, what in ((~unseen, "trained on"), (unseen, "not trained on")):
        if not there[some].any():
            raise InputError(f"no test sample is of a class {what}", setting="data.split.test", expected="some of both")


def _restricted(recipe: Recipe, whole: Table, seen: LabelSpace, texts: Texts, folder: Path) -> dict[str, Any]:
    """Changes by which a recipe trains on the seen classes alone, whose labels are written into the folder."""
    (folder / "labels.yaml").write_text(seen.to_yaml(), encoding="utf-8")
    rows = [_row(row, whole.task.column, set(seen.names)) for row in whole.rows.iter_rows(named=True)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "seen.jsonl").write_text(text, encoding="utf-8")
    columns = {"id": "id", "image": "image", "label": "labels", "split": "split", "group": "group"}
    data = {
        "source": str(folder / "seen.jsonl"),
        "columns": columns,
        "labels": {"file": str(folder / "labels.yaml"), "section": "labels"},
        "split": {"near_duplicates": recipe.data.split.near_duplicates},
    }
    given = {"kind": "given", "texts": {name: list(texts[name]) for name in seen.names}}
    return {"data": data, "model.texts": given}


def _row(row: dict[str, Any], column: str, seen: set[str]) -> dict[str, Any]:
    said = cast(list[str] | None, row[column])
    unsure = [f"?{name}" for name in cast(list[str] | None, row.get("unsure")) or () if name in seen]
    labels = None if said is None else [*(name for name in said if name in seen), *unsure]
    images = cast(list[str], row["images"])
    image = str(Path(images[0]).resolve()) if images else None
    return {"id": row["id"], "image": image, "labels": labels, "split": row["part"], "group": row["group"] or row["id"]}


def _measured(test: Table, before: Run, after: Run, new: tuple[str, ...], texts: Texts) -> BaseToNew:
    """Both asked about all classes, on the samples of the test part that are labelled."""
    labelled = test.answered
    paths = [str(path) for path in labelled.first_images]
    said = [_answers(run, texts, paths) for run in (before, after)]
    unseen = np.array([name in new for name in labelled.labels.names])
    return base_to_new(labelled.membership, said[0], said[1], unseen, units_of(labelled.rows))


def _answers(run: Run, texts: Texts, paths: list[str]) -> LabelAnswers:
    predictor = load(run.bundle, texts=texts)
    rows = [row for _, row in predictor.scored(paths)]
    bad = next((row for row in rows if isinstance(row, str)), None)
    if bad is not None:
        raise InputError(bad, where=str(run.bundle))
    logits = np.concatenate([row.logits for row in rows if not isinstance(row, str)])
    policy = predictor.policy
    assert isinstance(policy, MultilabelPolicy)
    return LabelAnswers(logits, policy.apply(logits).named)
