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
from sfumato.predict.inference_engine import Computing
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

    def read(
        self,
        pictures: Sequence[Pictures],
        texts: Sequence[str] | None = None,
        kept: NDArray[np.bool_] | None = None,
    ) -> Readings:
        """What it says of N decoded pictures (H, W, 3) and their texts; only (N, C) `kept` classes are asked for."""
        ...


def looker(
    bundle: AnyBundle, policies: Mapping[str, AnyPolicy], where: str, device: torch.device, engine: Computing = "torch"
) -> Looker:
    """The networks of a bundle, or the members of an ensemble; the arguments are those of `Networks`."""
    of = Together if isinstance(bundle, Ensemble) else Networks
    return cast(Any, of)(bundle, policies, where, device, engine=engine)


class Together:
    """The members of an ensemble, ready to look at pictures.

    Args:
        bundle: Read by `read_any`.
        policies: Task -> its policy.
        where: Names the bundle in errors.
        device: Where to compute.
        engine: What computes.

    Raises:
        InputError: The ensemble's parts do not fit together.
    """

    def __init__(
        self,
        bundle: Ensemble,
        policies: Mapping[str, AnyPolicy],
        where: str,
        device: torch.device,
        engine: Computing = "torch",
    ) -> None:
        places = [f"{where}/members/{index}" for index in range(len(bundle.members))]
        pairs = list(zip(bundle.members, places, strict=True))
        self._own = [policies_from_dict(one.policy, one.tasks, f"{place}/policy.json") for one, place in pairs]
        self._members = [
            looker(one, own, place, device, engine) for (one, place), own in zip(pairs, self._own, strict=True)
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

    def read(
        self,
        pictures: Sequence[Pictures],
        texts: Sequence[str] | None = None,
        kept: NDArray[np.bool_] | None = None,  # noqa: ARG002  # members may have other classes: all are asked for
    ) -> Readings:
        """Fused scores of N decoded pictures (H, W, 3) and their texts; of folds the mean of their familiarity too."""
        if self._fusion.kind == "folds":
            return self._averaged([member.read(pictures, texts) for member in self._members])
        said = [self._said(place, pictures, texts or [""] * len(pictures)) for place in range(len(self._members))]
        return Readings(where_finite(np.stack(said), lambda fine: self._fusion.fuse(list(fine))), None)

    def _averaged(self, said: Sequence[Readings]) -> Readings:
        """What folds say, averaged under the policy that they share."""

        def mean(fine: Floats) -> Floats:
            ordered = [one[:, columns] for one, columns in zip(fine, self._columns, strict=True)]
            return averaged_tasks(np.stack(ordered), self._policies, self._slices)

        places = zip(said, self._tasks, strict=True)
        near = averaged_familiarity([one.familiarity_of(own) for one, own in places])
        return Readings(where_finite(np.stack([one.logits for one in said]), mean), near)

    def _said(self, place: int, pictures: Sequence[Pictures], texts: Sequence[str]) -> Floats:
        """(N, C) calibrated log-probabilities or log-odds of a member, in the ensemble's order of classes.

        Of inputs that lack what it would look at, how frequent classes are; NaN where its scores are not finite.
        """
        member, columns = self._members[place], self._columns[place]
        found = np.tile(self._fusion.unsaid(len(columns)), (len(pictures), 1))
        there = [row for row, one in enumerate(zip(pictures, texts, strict=True)) if _can_read(member, *one)]
        if there:
            logits = member.read([pictures[row] for row in there], [texts[row] for row in there]).logits
            own = self._own[place][""]
            found[there] = where_finite(logits[None], lambda fine: said_by(own, fine[0])[:, columns])
        return found

    def _refuse_unmeasured(self, where: str) -> None:
        """Familiarity is the mean over folds, each of which must measure it; nothing else has one."""
        asked = measures(self._policies)
        if asked and (self._fusion.kind != "folds" or any(measures(own) != asked for own in self._own)):
            what = f"damaged: familiarity by {next(iter(asked.values()))}, unlike its members"
            raise InputError(what, where=f"{where}/policy.json")


def _can_read(member: Looker, pictures: Pictures, text: str) -> bool:
    """Whether an input has anything that a member looks at."""
    return (member.reads_texts and bool(text)) or (member.seen != "none" and pictures is not None and len(pictures) > 0)


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
