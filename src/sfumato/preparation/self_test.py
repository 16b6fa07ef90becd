"""A dual encoder tried out before it is trained: shapes, gradients of its parts, and whether it can learn at all."""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Request, Samples, batches
from sfumato.data.table import Table
from sfumato.errors import RunError
from sfumato.models.class_texts import GivenTextsSpec
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.preparation.prepared import Prepared

PICTURES, MOST_STEPS, RATE = 8, 300, 0.01
"""How many pictures are to be learnt by heart, in how many steps at most, at which rate."""


def try_out(prepared: Prepared) -> tuple[list[str], list[str]]:
    """What a trial of the model says, and warns of; nothing of any other family.

    Raises:
        RunError: As `check_gradients`.
    """
    spec, model, train = prepared.recipe.model, prepared.model, prepared.table.part("train")
    if not isinstance(spec, DualEncoderSpec) or not isinstance(model, DualEncoder) or len(train) < 2:
        return [], []
    if spec.clip is not None or train.layout.multilabel:
        return [], []
    assert isinstance(spec.texts, GivenTextsSpec)
    rows = chosen_rows(train)
    size = prepared.plan.at(0).image_size
    samples = Samples(train, prepared.preprocess, AugmentSpec(), seed=0, pictures=prepared.pictures)
    (batch,) = batches(samples, [[Request(row, 0, 0, size, 0.0) for row in rows]], 0)
    names = [train.labels.names[int(target)] for target in batch.targets[:, 0]]
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        trial, classes = trial_of(model, {name: spec.texts.texts[name] for name in names}, names)
        check_gradients(trial, batch.images, classes)
        steps = steps_by_heart(trial, batch.images, classes)
    said = "self-test: gradients reach both encoders, their projections and the temperature"
    if steps is None:
        what = f"the projections can't learn {len(rows)} pictures by heart in {MOST_STEPS} steps"
        return [said], [f"self-test: {what}: pictures, or texts of classes, that can't be told apart?"]
    return [f"{said}; {len(rows)} pictures are learnt by heart in {_steps(steps)} of the projections"], []


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def chosen_rows(train: Table) -> list[int]:
    """Up to `PICTURES` rows of a table, of as many classes as may be."""
    seen: dict[int, int] = {}
    turns: list[tuple[int, int]] = []
    for row, target in enumerate(train.targets.tolist()):
        if target >= 0:
            turns.append((seen.get(target, 0), row))
            seen[target] = seen.get(target, 0) + 1
    return [row for _, row in sorted(turns)[:PICTURES]]


def trial_of(
    model: DualEncoder, texts: Mapping[str, Sequence[str]], names: Sequence[str]
) -> tuple[DualEncoder, Tensor]:
    """A copy in training mode, all of which learns and which is asked about these classes; (B,) the class of each."""
    trial = copy.deepcopy(model).train().requires_grad_(True)
    trial.ask(texts)
    return trial, torch.tensor([list(texts).index(name) for name in names])


def check_gradients(trial: DualEncoder, images: Tensor, classes: Tensor) -> None:
    """Refuse a model a part of which can't learn; its gradients are left as they come out.

    Raises:
        RunError: Logits of another shape or not finite, or a part whose gradient is none, not finite, or zero.
    """
    _, logits = trial(images)
    if logits.shape != (len(images), trial.classes) or not logits.isfinite().all():
        raise RunError(f"self-test: logits of shape {tuple(logits.shape)}, or not finite, of {len(images)} pictures")
    if trial.classes > 1:
        F.cross_entropy(logits, classes).backward()
        parts = {"the image encoder": trial.image, "the text encoder": trial.text}
        parts |= {"the image's projection": trial.head.image, "the texts' projection": trial.head.text}
        gradients = {name: [one.grad for one in part.parameters()] for name, part in parts.items()}
        for name, some in {**gradients, "the temperature": [trial.head.log_scale.grad]}.items():
            there = [gradient for gradient in some if gradient is not None]
            if not there or not all(one.isfinite().all() for one in there) or not any(one.any() for one in there):
                raise RunError(f"self-test: the gradient of {name} is none, zero or not finite")


def steps_by_heart(trial: DualEncoder, images: Tensor, classes: Tensor) -> int | None:
    """Steps in which the projections come to name all pictures, from features computed once; None = they do not."""
    with torch.no_grad():
        features, texts = trial.features(images), trial.reader.features(images.device)
    optimizer = torch.optim.Adam(trial.head.parameters(), lr=RATE)
    for step in range(MOST_STEPS):
        logits = trial.head(features, texts, trial.own_ck)
        if (logits.argmax(dim=1) == classes).all():
            return step
        optimizer.zero_grad()
        F.cross_entropy(logits, classes).backward()
        optimizer.step()
        trial.constrain()
    return None
