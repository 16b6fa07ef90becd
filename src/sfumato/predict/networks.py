"""The networks of a bundle, and what they make of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.bundle.folder import Bundle
from sfumato.data.images import Pixels
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN, View, views_from_dict
from sfumato.decision.averaging import averaged_tasks, mean_familiarity
from sfumato.decision.doubt.reference import References
from sfumato.decision.policies import AnyPolicy
from sfumato.models.apart import apart
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.family import may_have_maps
from sfumato.models.grad_cam import has_maps
from sfumato.models.network import Network
from sfumato.models.scoring import scored
from sfumato.predict.building import build_networks, read_spec
from sfumato.predict.finite_rows import where_finite
from sfumato.predict.graphs import Graph
from sfumato.predict.inference_engine import Computing
from sfumato.predict.readings import Readings
from sfumato.predict.references import read_references
from sfumato.shown import PictureUse, Shown

Pictures = Pixels | Sequence[Pixels] | None
"""(H, W, 3) of an input: one, several, or none."""


_MOST: dict[PictureUse, int | None] = {"first": 1, "random": 1, "mean_pool": None, "none": 0}
"""Pictures of an input that are looked at; None = all."""


class Networks:
    """The networks of a bundle, ready to look at pictures.

    Args:
        bundle: Read by `read_bundle`.
        policies: Task -> its policy, by which several networks are averaged.
        where: Names the bundle in errors.
        device: Where to compute.
        engine: What computes: its weights, in fp32 or in bf16, or its ONNX graphs.

    Raises:
        InputError: The bundle's parts do not fit together.
    """

    def __init__(
        self,
        bundle: Bundle,
        policies: Mapping[str, AnyPolicy],
        where: str,
        device: torch.device,
        *,
        engine: Computing = "torch",
    ) -> None:
        self.preprocess = Preprocess.from_dict(bundle.transform, f"{where}/transform.json")
        self.views = (PLAIN,) if bundle.views is None else views_from_dict(bundle.views, f"{where}/views.json")
        self._policies, self._slices = policies, bundle.tasks.slices
        spec = read_spec(bundle, where)
        self._seen: PictureUse = spec.pictures
        self._models: Sequence[Network | Graph] = (
            [Graph(path) for path in bundle.graphs]
            if engine == "onnx"
            else [model.to(device) for model in build_networks(bundle, self.preprocess, where)]
        )
        self._references = read_references(bundle, policies, self._models[0].width, where)
        self._device, self._bf16 = device.type, engine == "bf16"
        first = self._models[0]
        self.has_maps = may_have_maps(spec) if isinstance(first, Graph) else has_maps(first)
        """Whether it can be asked what spoke for a class, of several networks the first; where graphs compute it may
        turn out that it can't."""
        kept = replace(bundle, members=bundle.members[:1]) if engine == "onnx" and self.has_maps else None
        self._of_weights = None if kept is None else partial(build_networks, kept, self.preprocess, where)

    def __len__(self) -> int:
        return len(self._models)

    def apart(self) -> Network | None:
        """The first network, of modules of its own, to be asked what spoke for a class; None where it can't be.

        Where a graph computes it is built of the bundle's weights, on the processor.
        """
        first = self._models[0]
        if isinstance(first, Graph):
            first = self._of_weights()[0] if self._of_weights else None
            return first if first is not None and has_maps(first) else None
        return apart(first) if self.has_maps else None

    @property
    def reads_texts(self) -> bool:
        """Whether the networks read texts."""
        return any(model.reads_texts for model in self._models)

    @property
    def seen(self) -> PictureUse:
        """Which of several pictures of an input are looked at."""
        return self._seen

    @torch.inference_mode()
    def prototypes(self) -> list[NDArray[np.float64]]:
        """(C, E) of length 1 by each, where they are dual encoders: where the classes lie in their space."""
        found = [model for model in self._models if isinstance(model, DualEncoder)]
        return [model.prototypes().double().cpu().numpy() for model in found]

    def read(
        self,
        pictures: Sequence[Pictures],
        texts: Sequence[str] | None = None,
        kept: NDArray[np.bool_] | None = None,
    ) -> Readings:
        """What they say of N inputs: decoded pictures (H, W, 3) and texts; (N, C) `kept` classes are asked for.

        Of several networks or views the logits to which the policy gives the mean of their calibrated probabilities,
        and the mean of their familiarity.
        """
        inputs = _inputs([_listed(some)[: _MOST[self._seen]] for some in pictures], texts)
        if kept is not None and len(self._models) * len(self.views) == 1:  # an average is of all classes
            inputs = [one._replace(kept=row) for one, row in zip(inputs, kept, strict=True)]
        with torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
            said = np.concatenate(_each(self._models, self._references, self.preprocess, self.views, inputs))
        whole, classes = _averaged(said, self._policies, self._slices), self._models[0].classes
        return Readings(whole[:, :classes], whole[:, classes:] if self._references[0] else None)


def averaged_logits(
    models: Sequence[Network],
    preprocess: Preprocess,
    views: Sequence[View],
    pictures: Sequence[Pictures],
    policies: Mapping[str, AnyPolicy],
    slices: Mapping[str, slice],
    texts: Sequence[str] | None = None,
) -> NDArray[np.float32]:
    """(N, C) logits of N decoded pictures (H, W, 3): each network's in each view, averaged under each task's policy.

    Networks that read texts are shown N of them too, "" for none; an input may then have no picture, or several.
    """
    said = np.concatenate(_each(models, [{} for _ in models], preprocess, views, _inputs(pictures, texts)))
    return _averaged(said, policies, slices)


def _averaged(
    said: NDArray[np.float32], policies: Mapping[str, AnyPolicy], slices: Mapping[str, slice]
) -> NDArray[np.float32]:
    """(N, C + T) of (M, N, C + T) logits and familiarity: each task under its policy, and the mean."""
    classes = max(where.stop for where in slices.values())

    def mean(fine: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = averaged_tasks(fine[:, :, :classes], policies, slices)
        return np.concatenate([logits, mean_familiarity(fine[:, :, classes:])], axis=1)

    return said[0] if len(said) == 1 else where_finite(said, mean)


_AT_ONCE = 64
"""Pictures computed together where there are several views."""


class _Seen(NamedTuple):
    """One input."""

    pictures: Sequence[Pixels]
    text: str
    kept: NDArray[np.bool_] | None = None
    """(C,) classes that are asked for; None = all."""


def _inputs(pictures: Sequence[Pictures], texts: Sequence[str] | None) -> list[_Seen]:
    return [_Seen(_listed(some), text) for some, text in zip(pictures, texts or [""] * len(pictures), strict=True)]


def _listed(some: Pictures) -> Sequence[Pixels]:
    return () if some is None else (some,) if isinstance(some, np.ndarray) else some


def _each(
    models: Sequence[Network | Graph],
    references: Sequence[References],
    preprocess: Preprocess,
    views: Sequence[View],
    inputs: Sequence[_Seen],
) -> list[NDArray[np.float32]]:
    """(V, N, C + T) logits and familiarity by each network, the views ordered by side.

    Pictures are transformed once for all networks.
    """
    found: list[list[NDArray[np.float32]]] = [[] for _ in models]
    for side in dict.fromkeys(view.side(preprocess) for view in views):
        looks = [(view, one) for view in views if view.side(preprocess) == side for one in inputs]
        step = _AT_ONCE if len(views) > 1 else len(looks)
        for begin in range(0, len(looks), step):
            shown = _shown(looks[begin : begin + step], preprocess, side)
            for model, known, rows in zip(models, references, found, strict=True):
                rows.append(_scored(model, shown, known))
    return [np.concatenate(rows).reshape(len(views), len(inputs), -1) for rows in found]


def _shown(looks: Sequence[tuple[View, _Seen]], preprocess: Preprocess, side: int) -> Shown:
    """What the networks are shown of some inputs, each in its view."""
    made = [view.of(picture, preprocess, side) for view, one in looks for picture in one.pictures]
    images = torch.stack(made) if made else torch.zeros(0, 3, side, side, dtype=torch.uint8)
    images = images.contiguous(memory_format=torch.channels_last)
    rows = [one.kept for _, one in looks if one.kept is not None]
    kept = torch.from_numpy(np.stack(rows)) if len(rows) == len(looks) else None
    return Shown(images, tuple(len(one.pictures) for _, one in looks), tuple(one.text for _, one in looks), kept)


@torch.inference_mode()
def _scored(model: Network | Graph, shown: Shown, references: References) -> NDArray[np.float32]:
    """(B, C + T), computed where the model is; it must be in evaluation mode."""
    if isinstance(model, Graph):
        return model.scored(shown, list(references.values()))
    return scored(model, shown.to(next(model.parameters()).device), list(references.values())).cpu().numpy()
