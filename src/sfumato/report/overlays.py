"""Pictures with what speaks for an answer laid over them: computed from a run's bundle, a bounded number of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sfumato.bundle.folder import read_bundle
from sfumato.data.images import BadImageError, Pixels, decode
from sfumato.data.preprocess import Preprocess
from sfumato.models.grad_cam import class_maps, has_maps
from sfumato.models.network import Network
from sfumato.predict.networks import build_networks
from sfumato.report import thumbnails
from sfumato.report.frames import Mistake
from sfumato.run_folder import RunFolder
from sfumato.tasks import TaskLayout

AT_ONCE = 8
"""Pictures computed together."""
TINT = (222, 120, 28)
"""What the most telling places are tinted with: seen on grey and on colours, by day and by night."""
STRENGTH = 0.75
"""Opacity of the tint at the most telling place."""


@dataclass(frozen=True)
class Explainer:
    """A network that can be asked what spoke for a class."""

    network: Network
    preprocess: Preprocess
    layout: TaskLayout

    def overlays(self, mistakes: Sequence[Mistake], places: Mapping[str, str | None], task: str = "") -> dict[str, str]:
        """Id of a sample -> its picture as the network sees it with the map laid over, as JPEG data URI.

        Pictures that can't be read any more have none, nor have any where the network has no map after all.
        """
        found: dict[str, str] = {}
        readable = [(one, pixels) for one in mistakes if (pixels := read_pixels(places.get(one.id))) is not None]
        for begin in range(0, len(readable), AT_ONCE):
            found |= self._some(readable[begin : begin + AT_ONCE], task)
        return found

    def _some(self, readable: Sequence[tuple[Mistake, Pixels]], task: str) -> dict[str, str]:
        images = torch.stack([self.preprocess(pixels) for _, pixels in readable])
        asked, among = [one.asked for one, _ in readable], self.layout.slices[task]
        maps = class_maps(self.network, images, asked, among, several=self.layout.multilabel)
        if maps is None:
            return {}
        seen = images.permute(0, 2, 3, 1).numpy()
        return {
            one.id: thumbnails.of_pixels(laid_over(picture, places))
            for (one, _), picture, places in zip(readable, seen, maps.numpy(), strict=True)
        }


def read_explainer(folder: RunFolder) -> Explainer | None:
    """What a finished run's weights can explain; None where they can't, or where the run has no bundle of its own.

    Raises:
        InputError: The bundle is damaged.
    """
    if not (folder.bundle / "manifest.json").is_file():
        return None
    bundle, where = read_bundle(folder.bundle), str(folder.bundle)
    preprocess = Preprocess.from_dict(bundle.transform, f"{where}/transform.json")
    network = build_networks(bundle, preprocess, where)[0]
    return Explainer(network, preprocess, bundle.tasks) if has_maps(network) else None


def laid_over(pixels: Pixels, places: NDArray[np.float32]) -> Pixels:
    """A picture in grey, tinted where places speak for the class.

    Args:
        pixels: (H, W, 3) uint8.
        places: (h, w) from 0 to 1, of the whole picture.
    """
    height, width = pixels.shape[:2]
    wide = Image.fromarray(places, mode="F").resize((width, height), Image.Resampling.BICUBIC)
    opacity = STRENGTH * np.clip(np.asarray(wide), 0, 1)[:, :, None]
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    mixed = (1 - opacity) * grey[:, :, None] + opacity * np.array(TINT, dtype=np.float32)
    return mixed.round().clip(0, 255).astype(np.uint8)


def read_pixels(address: str | None) -> Pixels | None:
    """The picture at an address; None where there is none, or it can't be read any more."""
    try:
        return None if address is None else decode(address)
    except BadImageError:
        return None
