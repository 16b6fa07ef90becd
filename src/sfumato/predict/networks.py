"""The networks of a bundle: built from its documents, and what they make of pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from sfumato.bundle.folder import Bundle
from sfumato.data.images import Pixels
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN, View, views_from_dict
from sfumato.decision.averaging import averaged_tasks, mean_familiarity
from sfumato.decision.doubt.reference import References
from sfumato.decision.policies import AnyPolicy
from sfumato.errors import InputError
from sfumato.json_file import to_json
from sfumato.models.classifier import Classifier, ModelSpec, build_classifier
from sfumato.models.scoring import scored
from sfumato.predict.finite_rows import where_finite
from sfumato.predict.readings import Readings
from sfumato.predict.references import read_references
from sfumato.stored import first_mistake
from sfumato.tasks import TaskLayout


class Networks:
    """The networks of a bundle, ready to look at pictures.

    Args:
        bundle: Read by `read_bundle`.
        policies: Task -> its policy, by which several networks are averaged.
        where: Names the bundle in errors.
        device: Where to compute.

    Raises:
        InputError: The bundle's parts do not fit together.
    """

    def __init__(self, bundle: Bundle, policies: Mapping[str, AnyPolicy], where: str, device: torch.device) -> None:
        self.preprocess = Preprocess.from_dict(bundle.transform, f"{where}/transform.json")
        self.views = (PLAIN,) if bundle.views is None else views_from_dict(bundle.views, f"{where}/views.json")
        self._policies, self._slices = policies, bundle.tasks.slices
        self._models = [model.to(device) for model in build_networks(bundle, self.preprocess, where)]
        self._references = read_references(bundle, policies, self._models[0].width, where)

    def read(self, pictures: Sequence[Pixels]) -> Readings:
        """What they say of N decoded pictures (H, W, 3).

        Of several networks or views the logits to which the policy gives the mean of their calibrated probabilities,
        and the mean of their familiarity.
        """
        said = np.concatenate(_each(self._models, self._references, self.preprocess, self.views, pictures))
        whole, classes = _averaged(said, self._policies, self._slices), self._models[0].classes
        return Readings(whole[:, :classes], whole[:, classes:] if self._references[0] else None)


def averaged_logits(
    models: Sequence[Classifier],
    preprocess: Preprocess,
    views: Sequence[View],
    pictures: Sequence[Pixels],
    policies: Mapping[str, AnyPolicy],
    slices: Mapping[str, slice],
) -> NDArray[np.float32]:
    """(N, C) logits of N decoded pictures (H, W, 3): each network's in each view, averaged under each task's policy."""
    said = np.concatenate(_each(models, [{} for _ in models], preprocess, views, pictures))
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


def _each(
    models: Sequence[Classifier],
    references: Sequence[References],
    preprocess: Preprocess,
    views: Sequence[View],
    pictures: Sequence[Pixels],
) -> list[NDArray[np.float32]]:
    """(V, N, C + T) logits and familiarity by each network, the views ordered by side.

    Pictures are transformed once for all networks.
    """
    found: list[list[NDArray[np.float32]]] = [[] for _ in models]
    for side in dict.fromkeys(view.side(preprocess) for view in views):
        looks = [(view, picture) for view in views if view.side(preprocess) == side for picture in pictures]
        step = _AT_ONCE if len(views) > 1 else len(looks)
        for begin in range(0, len(looks), step):
            images = torch.stack([view.of(picture, preprocess, side) for view, picture in looks[begin : begin + step]])
            for model, known, rows in zip(models, references, found, strict=True):
                rows.append(_scored(model, images, known))
    return [np.concatenate(rows).reshape(len(views), len(pictures), -1) for rows in found]


@torch.inference_mode()
def _scored(model: Classifier, images: Tensor, references: References) -> NDArray[np.float32]:
    """(B, C + T) of (B, 3, H, W), computed where the model is; it must be in evaluation mode."""
    images = images.to(next(model.parameters()).device).contiguous(memory_format=torch.channels_last)
    return scored(model, images, list(references.values())).cpu().numpy()


def build_networks(bundle: Bundle, preprocess: Preprocess, where: str) -> list[Classifier]:
    """The network of each member."""
    try:
        spec = ModelSpec.model_validate_json(to_json(bundle.model))
    except ValidationError as error:
        raise InputError(f"not a model: {first_mistake(error)}", where=f"{where}/model.json") from None
    return [_member(spec, weights, bundle.tasks, preprocess, where) for weights in bundle.members]


def _member(
    spec: ModelSpec, weights: dict[str, Tensor], tasks: TaskLayout, preprocess: Preprocess, where: str
) -> Classifier:
    model = build_classifier(spec, tasks.outputs, preprocess.size, preprocess.mean, preprocess.std)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"the weights do not fit {spec.backbone}: {str(error).splitlines()[1].strip()}", where=f"{where}/model.json"
        ) from error
    return model.eval()
