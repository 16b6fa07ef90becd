"""The members of an ensemble: each looks at the same decoded pictures, and what they say is fused."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.decision.averaging import averaged_familiarity, averaged_tasks
from sfumato.decision.fusion.fusion import Floats, Fusion, said_by
from sfumato.decision.policies import AnyPolicy, measures, policies_from_dict
from sfumato.errors import InputError
from sfumato.predict.finite_rows import where_finite
from sfumato.predict.networks import Networks, Pictures
from sfumato.predict.readings import Readings
from sfumato.shown import PictureUse
from sfumato.tasks import TaskLayout


class Looker(Protocol):
    """What reads pictures."""

    @property
    def reads_texts(self) -> bool:
        """Whether texts are part of what it looks at."""
        ...

    @property
    def seen(self) -> PictureUse:
        """Which of several pictures of an input are looked at."""
        ...

    def read(self, pictures: Sequence[Pictures], texts: Sequence[str] | None = None) -> Readings:
        """What it says of N decoded pictures (H, W, 3) and their texts."""
        ...


def looker(
    bundle: AnyBundle, policies: Mapping[str, AnyPolicy], where: str, device: torch.device, *, graphs: bool = False
) -> Looker:
    """The networks of a bundle, or the members of an ensemble; the arguments are those of `Networks`."""
    of = Together if isinstance(bundle, Ensemble) else Networks
    return cast(Any, of)(bundle, policies, where, device, graphs=graphs)


class Together:
    """The members of an ensemble, ready to look at pictures.

    Args:
        bundle: Read by `read_any`.
        policies: Task -> its policy.
        where: Names the bundle in errors.
        device: Where to compute.
        graphs: Whether ONNX graphs compute, in place of weights.

    Raises:
        InputError: The ensemble's parts do not fit together.
    """

    def __init__(
        self,
        bundle: Ensemble,
        policies: Mapping[str, AnyPolicy],
        where: str,
        device: torch.device,
        *,
        graphs: bool = False,
    ) -> None:
        places = [f"{where}/members/{index}" for index in range(len(bundle.members))]
        pairs = list(zip(bundle.members, places, strict=True))
        self._own = [policies_from_dict(one.policy, one.tasks, f"{place}/policy.json") for one, place in pairs]
        self._members = [
            looker(one, own, place, device, graphs=graphs) for (one, place), own in zip(pairs, self._own, strict=True)
        ]
        self._columns = [columns_of(one.tasks, bundle.tasks, place) for one, place in pairs]
        self._policies, self._slices = policies, bundle.tasks.slices
        self._fusion = Fusion.from_dict(bundle.fusion, len(pairs), bundle.tasks.classes, f"{where}/fusion.json")
        if self._fusion.kind != "folds" and bundle.tasks.several:
            raise InputError(f"damaged: {self._fusion.kind} over several tasks", where=f"{where}/fusion.json")
        self._tasks = [[list(one.tasks.spaces).index(task) for task in bundle.tasks.spaces] for one in bundle.members]
        self._refuse_unmeasured(where)

    @property
    def reads_texts(self) -> bool:
        """Whether any member reads texts."""
        return any(member.reads_texts for member in self._members)

    @property
    def seen(self) -> PictureUse:
        """Which of several pictures of an input any member looks at."""
        uses = {member.seen for member in self._members}
        return "mean_pool" if "mean_pool" in uses else "none" if uses == {"none"} else "first"

    def read(self, pictures: Sequence[Pictures], texts: Sequence[str] | None = None) -> Readings:
        """Fused scores of N decoded pictures (H, W, 3) and their texts; of folds the mean of their familiarity too."""
        said = [member.read(pictures, texts) for member in self._members]
        logits = where_finite(np.stack([one.logits for one in said]), self._fused)
        places = zip(said, self._tasks, strict=True)
        near = averaged_familiarity([one.familiarity_of(own) for one, own in places])
        return Readings(logits, near if self._fusion.kind == "folds" else None)

    def _fused(self, said: Floats) -> Floats:
        """(N, C) of what the members say, (M, N, C), all of it finite."""
        if self._fusion.kind == "folds":
            ordered = [one[:, columns] for one, columns in zip(said, self._columns, strict=True)]
            return averaged_tasks(np.stack(ordered), self._policies, self._slices)
        return self._fusion.fuse([self._said(index, one) for index, one in enumerate(said)])

    def _said(self, member: int, logits: NDArray[np.float32]) -> Floats:
        """(N, C) calibrated log-probabilities or log-odds of a member, in the ensemble's order of classes."""
        return said_by(self._own[member][""], logits)[:, self._columns[member]]

    def _refuse_unmeasured(self, where: str) -> None:
        """Familiarity is the mean over folds, each of which must measure it; nothing else has one."""
        asked = measures(self._policies)
        if asked and (self._fusion.kind != "folds" or any(measures(own) != asked for own in self._own)):
            what = f"damaged: familiarity by {next(iter(asked.values()))}, unlike its members"
            raise InputError(what, where=f"{where}/policy.json")


def columns_of(member: TaskLayout, whole: TaskLayout, where: str) -> NDArray[np.int64]:
    """(C,) column of a member's logits for each of the whole's.

    Raises:
        InputError: It has other tasks or classes, or not as many a picture; `where` names it.
    """
    if member.multilabel != whole.multilabel:
        kinds = ("any number of classes a picture", "one class a picture")
        what, expected = kinds if member.multilabel else kinds[::-1]
        raise InputError(what, where=where, expected=f"{expected}, as the others have")
    if set(member.spaces) != set(whole.spaces):
        tasks = ", ".join(name or "a single one" for name in whole.spaces)
        raise InputError(f"tasks {', '.join(member.spaces)}", where=where, expected=tasks)
    starts = {task: part.start for task, part in member.slices.items()}
    parts = [
        starts[task] + np.array(member.spaces[task].places_of(space, where)) for task, space in whole.spaces.items()
    ]
    return np.concatenate(parts)
