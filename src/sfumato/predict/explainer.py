"""A bundle's network that can be asked what spoke for a class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sfumato.bundle.ensemble import AnyBundle
from sfumato.bundle.folder import Bundle, bundle_manifest, read_bundle
from sfumato.data.preprocess import Preprocess
from sfumato.json_file import read_json
from sfumato.models.family import may_have_maps
from sfumato.models.grad_cam import class_maps, has_maps
from sfumato.models.network import Network
from sfumato.predict.building import build_networks, spec_in
from sfumato.sealed import MANIFEST
from sfumato.tasks import TaskLayout


@dataclass(frozen=True)
class Explainer:
    """A network that can be asked what spoke for a class; in one thread at a time."""

    network: Network
    preprocess: Preprocess
    layout: TaskLayout

    def maps(self, images: Tensor, wanted: Sequence[int], task: str = "") -> NDArray[np.float32] | None:
        """(B, h, w) how much each place speaks for a class, from 0 to 1; see `class_maps`.

        None where the network has no map after all.

        Args:
            images: (B, 3, side, side), as `preprocess` makes them.
            wanted: B places among the classes of the task.
            task: Of the layout.
        """
        there = images.to(next(self.network.parameters()).device)
        found = class_maps(self.network, there, wanted, self.layout.slices[task], several=self.layout.multilabel)
        return None if found is None else found.cpu().numpy()


def read_explainer(folder: Path) -> Explainer | None:
    """What the weights of a bundle in a folder can explain; None where they can't, or where there is none.

    Weights that can't are not read.

    Raises:
        InputError: The bundle is damaged.
    """
    if not (folder / MANIFEST).is_file():
        return None
    bundle_manifest(folder)
    may = may_have_maps(spec_in(read_json(folder / "model.json"), str(folder)))
    return explainer_of(read_bundle(folder), str(folder)) if may else None


def explainer_of(bundle: AnyBundle, where: str) -> Explainer | None:
    """What a bundle's network can explain, of several the first; None where it can't, or each is a bundle of its own.

    Args:
        bundle: As it was read.
        where: Names it in errors.
    """
    if not isinstance(bundle, Bundle) or not may_have_maps(spec_in(bundle.model, where)):
        return None
    preprocess = Preprocess.from_dict(bundle.transform, f"{where}/transform.json")
    network = build_networks(replace(bundle, members=bundle.members[:1]), preprocess, where)[0]
    return Explainer(network, preprocess, bundle.tasks) if has_maps(network) else None
