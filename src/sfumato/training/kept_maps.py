"""Maps of first stages that do not learn, computed once: the steps of such a phase begin at them.

They lie on the disk beside kept features and are mapped, not read at once. Shapes: V views, N and M samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch, Request
from sfumato.data.progress import unseen
from sfumato.data.rows.store import RowStore
from sfumato.data.table import Table
from sfumato.models.first_stages import FirstStages
from sfumato.models.network import Network
from sfumato.training.feature_keys import Asked, row_keys, store_name
from sfumato.training.features import MOST_ON_DISK, looked_at, places
from sfumato.training.first_stages_trial import alike, find_first_stages
from sfumato.training.frozen_phases import MOST_BYTES, Stretch, views_of
from sfumato.training.inference import BATCH
from sfumato.training.job import Job

MOST_MAPPED = MOST_ON_DISK / 2
"""Bytes that the maps of a phase may take on the disk."""
TRIAL = 8
"""Pictures that are computed both ways before any map is used."""

Map = NDArray[Any]
"""One sample's; channels last where it has places down and across, 16 bits as they are."""
Rows = list[Map]
"""The map of each sample."""
_RAW = {torch.float32: torch.float32, torch.bfloat16: torch.uint16, torch.float16: torch.uint16}
_KINDS: dict[torch.dtype, type[np.generic]] = {
    torch.float32: np.float32,
    torch.bfloat16: np.uint16,
    torch.float16: np.uint16,
}


@dataclass(frozen=True)
class KeptMaps:
    """What steps of a phase begin at."""

    train: tuple[Rows, ...]
    """V x N, of each view of the training images."""
    val: Rows
    """M, of the validation images."""
    first: FirstStages
    """What they are maps of, in training."""
    first_of_val: FirstStages
    """The same at the image size of validation."""
    computed: int
    """How many of these had to be computed; the others are known from an earlier run or fold."""

    @property
    def images(self) -> int:
        """Images and views of them."""
        return sum(len(rows) for rows in self.train) + len(self.val)

    @property
    def told(self) -> str:
        """What is said of them."""
        known, many = self.images - self.computed, len(self.train[0])
        earlier = f", {known} of {self.images} by an earlier run" if known else ""
        size = f"{self.first.bytes / 1000:.0f} kB each"
        return f"maps behind {self.first.last} of {many} images computed once ({size}{earlier}): nothing before learns"

    def batch(self, wanted: list[Request], targets: Tensor) -> Batch:
        """One batch, maps in the place of images.

        Args:
            wanted: Its samples; `epoch` is the view.
            targets: Of all N training images.
        """
        rows, views = places(wanted, len(self.train))
        maps = stacked([self.train[view][row] for view, row in zip(views, rows, strict=True)], self.first)
        return Batch(maps, targets[rows], tuple(rows), tuple(request.epoch for request in wanted))

    @torch.no_grad()
    def features_of_val(self, job: Job) -> Tensor:
        """(M, D) features of the validation images by the weights there are now, in evaluation mode."""
        parts = [self.val[start : start + BATCH] for start in range(0, len(self.val), BATCH)]
        with job.machine.autocast():
            return torch.cat([_features(job, self.first_of_val, part) for part in parts]).float()

    def follow(self, network: Network, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Maps of B training images -> (B, D) features and (B, C) logits."""
        return self.first.follow(network, maps)


def keep_maps(job: Job, phase: Stretch) -> KeptMaps | str | None:
    """The maps of all training and validation images in a phase.

    The job's model is left in evaluation mode.

    Returns:
        Why every step has to compute its own, where first stages do not learn; None where none of them does.
    """
    settings, size = job.plan.at(phase.begin), job.preprocess.size
    of_val = Asked(0, size, 0.0, AugmentSpec(), trains=False)
    side, strength = settings.image_size, settings.augment
    shown = [Asked(view, side, strength, job.augment, trains=True) for view in range(views_of(job))]
    job.model.eval()
    if len(job.train) < 2:
        return None
    first = find_first_stages(job, _pictures(job, job.train, shown[0]), settings.learn)
    if not isinstance(first, FirstStages):
        return first
    first_of_val = _sized(job, first, size)
    if not isinstance(first_of_val, FirstStages):
        return first_of_val
    return _too_large(job, first, first_of_val) or _kept(job, phase, shown, of_val, first, first_of_val)


def _sized(job: Job, first: FirstStages, size: int) -> FirstStages | str:
    """The same first stages at another image size, or why there are none."""
    try:
        with job.machine.autocast():
            return first.sized(job.model, size)
    except RuntimeError as error:
        return str(error)


def _kept(
    job: Job, phase: Stretch, shown: list[Asked], of_val: Asked, first: FirstStages, first_of_val: FirstStages
) -> KeptMaps | str:
    """The maps, or why those that were kept can't be used."""
    found = [_of(job, job.train, one, first, _piece(job, phase)) for one in shown]
    val, new = _of(job, job.val, of_val, first_of_val, BATCH)
    kept = [rows for rows, _ in found if rows is not None]
    if len(kept) < len(found) or val is None:
        return "the disk has no room for their maps"
    if not (_sound(job, job.train, shown[0], first, kept[0]) and _sound(job, job.val, of_val, first_of_val, val)):
        return "their maps give other features than their pictures"
    return KeptMaps(tuple(kept), val, first, first_of_val, new + sum(count for _, count in found))


def stacked(rows: Rows, first: FirstStages) -> Tensor:
    """(B, ...) maps, laid out as convolutions prefer."""
    joined = torch.from_numpy(np.stack(rows)).view(first.dtype)
    return joined.movedim(-1, 1) if len(first.shape) == 3 else joined


def _features(job: Job, first: FirstStages, rows: Rows) -> Tensor:
    """(B, D) by maps."""
    batch = Batch(stacked(rows, first), torch.zeros(len(rows), 0, dtype=torch.int64), ())
    return first.follow(job.model, job.machine.placed(batch).images)[0]


def _too_large(job: Job, first: FirstStages, first_of_val: FirstStages) -> str | None:
    """Why so many maps are not kept; None = they may be."""
    total = first.bytes * views_of(job) * len(job.train) + first_of_val.bytes * len(job.val)
    most = MOST_MAPPED if _on_disk(job) else MOST_BYTES
    if total <= most:
        return None
    return f"maps of {len(job.train)} images would take {total / 1e9:.1f} GB, and at most {most / 1e9:.0f} are kept"


def _on_disk(job: Job) -> bool:
    return job.spec.keep_features == "disk" and job.model.told_by_weights


def _piece(job: Job, phase: Stretch) -> int:
    """Images that a step of a phase computes at once."""
    images = job.plan.images_at(phase.begin)
    return -(-images // max(1, min(job.spec.accumulate, images // 2)))


def _of(job: Job, table: Table, asked: Asked, first: FirstStages, at_once: int) -> tuple[Rows | None, int]:
    """The maps of a table's images, and how many were computed; None where the disk did not keep them."""
    if not _on_disk(job) or not len(table):
        own = dict(_computed(job, table, asked, first, range(len(table)), at_once))
        return [own[row] for row in range(len(table))], len(table)
    keys = row_keys(job, table, asked)
    known = [key for key in keys if key is not None]
    with RowStore("features", store_name(job, asked, first), _KINDS[first.dtype], MOST_ON_DISK) as store:
        there = dict(zip(known, store.find(known), strict=True))
        missing = [row for row, key in enumerate(keys) if key is None or there[key] is None]
        own: dict[int, Map] = {}  # of pictures that changed since the run began, and are nobody else's
        for row, one in _computed(job, table, asked, first, missing, at_once):
            if (key := keys[row]) is None:
                own[row] = one
            else:
                store.add(key, one)
    store.reopen()
    there = dict(zip(known, store.find(known), strict=True))
    rows = [own.get(row) if key is None else there[key] for row, key in enumerate(keys)]
    return (None if any(one is None for one in rows) else cast(Rows, rows)), len(missing)


def _computed(
    job: Job, table: Table, asked: Asked, first: FirstStages, rows: Sequence[int], at_once: int
) -> Iterator[tuple[int, Map]]:
    """Some rows and their maps, one by one, computed as many at once as a step would: others may round otherwise."""
    spare = -len(rows) % at_once if asked.trains else 0
    left = len(rows)
    for batch in looked_at(job, table, asked, [*rows, *[*rows[:1]] * spare], at_once):
        with torch.no_grad(), job.machine.autocast():
            maps = first.maps(job.model, batch.images)[:left]
        ordered = (maps.movedim(1, -1) if maps.ndim == 4 else maps).contiguous().cpu()
        yield from zip(batch.rows, ordered.view(_RAW[first.dtype]).numpy(), strict=False)
        left -= len(maps)


@torch.no_grad()
def _sound(job: Job, table: Table, asked: Asked, first: FirstStages, kept: Rows) -> bool:
    """Whether the first of what was kept gives the features of its pictures, by weights of this moment."""
    if not len(table):
        return True
    images = _pictures(job, table, asked)
    try:
        with job.machine.autocast():
            whole, rest = job.model.features(images).float(), _features(job, first, kept[: len(images)]).float()
    except RuntimeError:
        return False
    return alike(job, whole, rest)


def _pictures(job: Job, table: Table, asked: Asked) -> Tensor:
    """The first few of a table, on the training's device."""
    return next(
        looked_at(replace(job, workers=0, show=unseen), table, asked, range(min(TRIAL, len(table))), TRIAL)
    ).images
