"""What a kept feature depends on: weights and transform name the store it lies in, picture and view the row.

No fold, head or loss is part of either, so all of them share what was computed once.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from typing import cast

import PIL
import timm
import torch
import torchvision

from sfumato.data.addresses import stamp_of
from sfumato.data.augment import AugmentSpec
from sfumato.data.images import BadImageError
from sfumato.data.parallel import in_parallel
from sfumato.data.rows.segment import KEY_BYTES
from sfumato.data.shards import source_of
from sfumato.data.table import Table
from sfumato.models.family import files_of
from sfumato.models.network import below_head
from sfumato.training.frozen_phases import draws_pictures
from sfumato.training.job import Job

VERSION = 3
"""Raised whenever features are computed differently; older ones are then not looked at."""
LIBRARIES = (torch.__version__, torchvision.__version__, PIL.__version__, timm.__version__)
"""What decodes, resamples and computes."""


@dataclass(frozen=True)
class Asked:
    """How the pictures of a table are shown to what is below the head."""

    view: int
    """Which of the augmented views; of no meaning at strength 0."""
    size: int
    """Side in pixels."""
    strength: float
    """Of augmentation."""
    augment: AugmentSpec
    trains: bool
    """Whether they train; else they are looked at as in prediction."""


def store_name(job: Job, asked: Asked) -> str:
    """What tells the features of one frozen network and transform from all others."""
    digest = blake2b(digest_size=KEY_BYTES)
    digest.update(json.dumps(_transform(job, asked), sort_keys=True).encode())
    arithmetic = [job.machine.device.type, str(job.spec.precision), str(job.spec.tf32), str(job.spec.layout)]
    digest.update(json.dumps([VERSION, *LIBRARIES, *arithmetic, job.model.settings]).encode())
    model = job.model
    for name, module in model.named_children():
        digest.update(repr((name, module)).encode() if below_head(f"{name}.") else b"")
    digest.update(repr(model.features_shape(asked.size)).encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if below_head(name):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    for name, content in sorted((files_of(model) or {}).items()):
        digest.update(name.encode() + content)
    return f"v{VERSION}-{digest.hexdigest()}"


def row_keys(job: Job, table: Table, asked: Asked) -> list[bytes | None]:
    """The key of each sample; None of one whose picture changed since it was decoded, or can't be read any more."""
    images = cast(list[list[str]], table.rows["images"].fill_null([]).to_list())
    texts: Sequence[str] | Iterator[str] = table.texts or repeat("")
    drawn = asked.strength > 0 or (asked.trains and draws_pictures(job))
    with ThreadPoolExecutor() as pool:
        contents = list(in_parallel(lambda some: _content(some, job.pictures.since), images, pool))
    return [
        None if content is None else _key([repr((asked.view, id_) if drawn else None).encode(), text.encode(), content])
        for id_, text, content in zip(table.ids, texts, contents, strict=False)
    ]


def _transform(job: Job, asked: Asked) -> dict[str, object]:
    """How a picture becomes what is shown."""
    to = job.preprocess
    about: dict[str, object] = {"size": asked.size, "fit": to.fit, "interpolation": to.interpolation}
    about["pictures"] = job.train.pictures
    if asked.strength:
        about["augment"] = [json.loads(asked.augment.model_dump_json()), asked.strength]
    if asked.strength or (asked.trains and draws_pictures(job)):
        about["seed"] = job.spec.seed
    if asked.trains and (job.spec.decode != "full" or job.spec.cache_side is not None):
        about["decoded"] = [job.spec.decode, job.spec.cache_side]
    return about


def _content(images: Sequence[str], since: int) -> bytes | None:
    """Digests of the files of some pictures, or of what a Parquet file holds of them."""
    try:
        stamps = [stamp_of(image) for image in images]
        if any(stamp is None or stamp.mtime_ns >= since for stamp in stamps):
            return None
        return b"".join(_digest(image) for image in images)
    except (OSError, BadImageError):
        return None


def _digest(image: str) -> bytes:
    source = source_of(image)
    data = source if isinstance(source, bytes) else source.read_bytes()
    return blake2b(data, digest_size=KEY_BYTES).digest()


def _key(parts: list[bytes]) -> bytes:
    digest = blake2b(digest_size=KEY_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()
