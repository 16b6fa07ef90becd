"""Blur, noise and hard compression, as screenshots and messengers leave them."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from sfumato.synthesis.spec import ArtefactSpec


def with_artefacts(
    picture: Image.Image, spec: ArtefactSpec, rng: np.random.Generator
) -> tuple[Image.Image, dict[str, Any]]:
    """The picture (RGB) and what was done to it: radius of the blur, deviation of the noise, quality of the JPEG."""
    record: dict[str, Any] = {}
    if rng.random() < spec.blur:
        radius = float(rng.uniform(0, spec.most_blur))
        picture = picture.filter(ImageFilter.GaussianBlur(radius))
        record["blur"] = round(radius, 3)
    if rng.random() < spec.noise:
        deviation = float(rng.uniform(0, spec.most_noise))
        pixels = np.asarray(picture, dtype=np.float32) + rng.normal(0, deviation, (picture.height, picture.width, 1))
        picture = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
        record["noise"] = round(deviation, 3)
    if rng.random() < spec.jpeg:
        quality = int(rng.integers(spec.quality[0], spec.quality[1] + 1))
        kept = io.BytesIO()
        picture.save(kept, "JPEG", quality=quality)
        with Image.open(kept) as again:
            picture = again.convert("RGB")
        record["jpeg"] = quality
    return picture, record
