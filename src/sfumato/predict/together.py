"""The members of an ensemble: each looks at the same decoded pictures, and what they say is fused."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.data.images import Pixels
from sfumato.decision.averaging import averaged_familiarity, averaged_tasks
from sfumato.decision.fusion.fusion import Floats, Fusion, log_probabilities
from sfumato.decision.policies import AnyPolicy, measures, of_one_class, policies_from_dict
from sfumato.errors import InputError
from sfumato.predict.finite_rows import where_finite
from sfumato.predict.networks import Networks
from sfumato.predict.readings import Readings
from sfumato.tasks import TaskLayout


class Looker(Protocol):
    """What reads pictures."""

    def read(self, pictures: Sequence[Pixels]) -> Readings:
        """What it says of N decoded pictures (H, W, 3)."""
        ...


def looker(bundle: AnyBundle, policies: Mapping[str, AnyPolicy], where: str, device: torch.device) -> Looker:
    """The networks of a bundle, or the members of an ensemble; the arguments are those of `Networks`."""
    if isinstance(bundle, Ensemble):
        return Together(bundle, policies, where, device)
    return Networks(bundle, policies, where, device)


class Together:
    """The members of an ensemble, ready to look at pictures.

    Args:
        bundle: Read by `read_any`.
        policies: Task -> its policy.
        where: Names the bundle in errors.
        device: Where to compute.

    Raises:
        InputError: The ensemble's parts do not fit together.
    """

    def __init__(self, bundle: Ensemble, policies: Mapping[str, AnyPolicy], where: str, device: torch.device) -> None:
        places = [f"{where}/members/{index}" for index in range(len(bundle.members))]
        pairs = list(zip(bundle.members, places, strict=True))
        self._own = [policies_from_dict(one.policy, one.tasks, f"{place}/policy.json") for one, place in pairs]
        self._where = places
        self._members = [looker(one, own, place, device) for (one, place), own in zip(pairs, self._own, strict=True)]
        self._columns = [columns_of(one.tasks, bundle.tasks, place) for one, place in pairs]
        self._policies, self._slices = policies, bundle.tasks.slices
        self._fusion = Fusion.from_dict(bundle.fusion, len(pairs), bundle.tasks.classes, f"{where}/fusion.json")
        if self._fusion.kind != "folds" and bundle.tasks.several:
            raise InputError(f"damaged: {self._fusion.kind} over several tasks", where=f"{where}/fusion.json")
        self._tasks = [[list(one.tasks.spaces).index(task) for task in bundle.tasks.spaces] for one in bundle.members]
        self._refuse_unmeasured(where)

    def read(self, pictures: Sequence[Pixels]) -> Readings:
        """Fused scores of N decoded pictures (H, W, 3); of folds the mean of their familiarity too."""
        said = [member.read(pictures) for member in self._members]
        logits = where_finite(np.stack([one.logits for one in said]), self._fused)
        places = zip(said, self._tasks, strict=True)
        near = averaged_familiarity([one.familiarity_of(own) for one, own in places])
        return Readings(logits, near if self._fusion.kind == "folds" else None)

    def _fused(self, said: Floats) -> Floats:
        """(N, C) of what the members say, (M, N, C), all of it finite."""
        if self._fusion.kind == "folds":
            ordered = [one[:, columns] for one, columns in zip(said, self._columns, strict=True)]
            return averaged_tasks(np.stack(ordered), self._policies, self._slices)
        return self._fusion.fuse([self._log_p(index, one) for index, one in enumerate(said)])

    def _refuse_unmeasured(self, where: str) -> None:
        """Familiarity is the mean over folds, each of which must measure it; nothing else has one."""
        asked = measures(self._policies)
        if asked and (self._fusion.kind != "folds" or any(measures(own) != asked for own in self._own)):
            what = f"damaged: familiarity by {next(iter(asked.values()))}, unlike its members"
            raise InputError(what, where=f"{where}/policy.json")

    def _log_p(self, member: int, logits: NDArray[np.float32]) -> Floats:
        """(N, C) calibrated log-probabilities of a member, in the ensemble's order of classes."""
        own = of_one_class(self._own[member], self._where[member])
        return log_probabilities(logits, own[""])[:, self._columns[member]]


def columns_of(member: TaskLayout, whole: TaskLayout, where: str) -> NDArray[np.int64]:
    """(C,) column of a member's logits for each of the whole's.

    Raises:
        InputError: It has other tasks or classes; `where` names it.
    """
    if set(member.spaces) != set(whole.spaces):
        tasks = ", ".join(name or "a single one" for name in whole.spaces)
        raise InputError(f"tasks {', '.join(member.spaces)}", where=where, expected=tasks)
    starts = {task: part.start for task, part in member.slices.items()}
    parts = [
        starts[task] + np.array(member.spaces[task].places_of(space, where)) for task, space in whole.spaces.items()
    ]
    return np.concatenate(parts)
