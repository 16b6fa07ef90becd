"""Batches: pictures decoded by worker processes, in an order and with draws that no worker decides.

Everything a worker needs to know travels with the request for a sample, so a new image size or strength takes effect
at the very step that asks for it, whatever the workers have fetched ahead, and their number changes nothing.
"""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from sfumato.data.augment import AugmentSpec, augment
from sfumato.data.images import BadImageError
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.randomness import generator
from sfumato.data.shards import is_inside
from sfumato.data.table import Table
from sfumato.data.text_variation import varied
from sfumato.data.views import View
from sfumato.errors import RunError
from sfumato.shown import Shown


class Request(NamedTuple):
    """One sample as one step wants it."""

    row: int
    """Row of the table."""
    epoch: int
    draw: int
    """How often the epoch drew this sample before: each draw is augmented anew."""
    size: int
    """Side in pixels."""
    strength: float
    """Of augmentation; 0 = as in validation."""


@dataclass(frozen=True)
class Batch:
    """B samples on their way to the model."""

    images: Tensor
    """(B, 3, H, W) uint8, beside texts (P, 3, H, W); or (B, D) or (B, T, D) features, computed before."""
    targets: Tensor
    """(B, T) int64 class indices of each task; below 0 = no answer is known."""
    rows: tuple[int, ...]
    """Rows of the table they came from."""
    epochs: tuple[int, ...] = ()
    """The epoch that each was asked for: where augmented views recur, which of them it is."""
    texts: tuple[str, ...] | None = None
    """(B) the text of each, "" = none; None = the samples have no texts, or the model reads none."""
    pictures: tuple[int, ...] = ()
    """(B) where there are texts: how many of the images each sample has."""

    @property
    def shown(self) -> Tensor | Shown:
        """What the model is shown."""
        return self.images if self.texts is None else Shown(self.images, self.pictures, self.texts)

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory; torch's loader calls this."""
        return replace(self, images=self.images.pin_memory(), targets=self.targets.pin_memory())

    def to(self, device: torch.device, layout: torch.memory_format = torch.channels_last) -> "Batch":
        """The same batch on a device, its images laid out channels last, which convolutions prefer, or otherwise."""
        ahead = device.type == "cuda"  # elsewhere a copy that is not waited for may be read before it is there
        images = self.images.to(device, non_blocking=ahead)
        if images.ndim == 4:
            images = images.contiguous(memory_format=layout)
        return replace(self, images=images, targets=self.targets.to(device, non_blocking=ahead))


class Samples(Dataset["Batch | RunError"]):
    """The pictures of a table, decoded and transformed on request, a whole batch at a time.

    Where a view is given they are looked at in it, and nothing is augmented.
    """

    def __init__(
        self,
        table: Table,
        preprocess: Preprocess,
        spec: AugmentSpec,
        seed: int,
        pictures: Pictures | None = None,
        view: View | None = None,
    ) -> None:
        self.pictures = Pictures(limit=0) if pictures is None else pictures
        self._ids = table.ids  # plain lists and arrays: a forked worker must not touch polars
        self._images = cast(list[list[str]], table.rows["images"].fill_null([]).to_list())
        self._use = table.pictures
        self._texts = table.texts
        self._targets = torch.from_numpy(table.answers)
        self._preprocess = preprocess
        self._spec = spec
        self._seed = seed
        self._view = view

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def reads_parquet(self) -> bool:
        """Whether a picture still has to be read out of a Parquet file."""
        return any(is_inside(image) and image not in self.pictures for images in self._images for image in images)

    def __getitems__(self, requests: list[Request]) -> "Batch | RunError":
        """One batch; torch's loader calls this with a whole list of requests.

        An error is returned, not raised: the loader would wrap it in the traceback of its worker.
        """
        rows = tuple(request.row for request in requests)
        try:
            found = [self._pictures(request) for request in requests]
        except RunError as error:
            return error
        images = _stacked([image for some in found for image in some], requests[0].size)
        batch = Batch(images, self._targets[list(rows)], rows, tuple(request.epoch for request in requests))
        if self._texts is None:
            return batch
        texts = tuple(self._text(request, self._texts[request.row]) for request in requests)
        return replace(batch, texts=texts, pictures=tuple(len(some) for some in found))

    def _text(self, request: Request, text: str) -> str:
        """The text of a sample, in one of its forms while it trains."""
        if self._spec.texts is None or self._view is not None:
            return text
        rng = generator(self._seed, "text", request.epoch, self._ids[request.row], request.draw)
        return varied(text, self._spec.texts, request.strength, rng)

    def _pictures(self, request: Request) -> list[Tensor]:
        """The pictures of a sample that are shown; none where it has none and its text alone is."""
        images = self._images[request.row]
        if self._use == "mean_pool":
            return [self._image(request, image, place) for place, image in enumerate(images)]
        if self._texts is not None and not images:
            return []
        turn = self._turn(request) if self._use == "random" and self._view is None else 0
        return [self._image(request, images[turn] if images else "", 0)]

    def _turn(self, request: Request) -> int:
        """Which of its pictures a draw of a sample shows."""
        rng = generator(self._seed, "picture", request.epoch, self._ids[request.row], request.draw)
        return int(rng.integers(len(self._images[request.row])))

    def _image(self, request: Request, image: str, place: int) -> Tensor:
        try:
            pixels = self.pictures.lean(image, trains=self._view is None)
        except BadImageError as error:
            raise RunError(f"{image}: {error}; it could be read when the run began") from None
        if self._view is not None:
            return self._view.of(pixels, self._preprocess, request.size)
        key = (request.epoch, self._ids[request.row], request.draw, *([place] if place else []))
        rng = generator(self._seed, "augment", *key)
        return augment(pixels, self._preprocess, request.size, self._spec, request.strength, rng)


def _stacked(images: list[Tensor], size: int) -> Tensor:
    """(P, 3, size, size) of (3, size, size) each, or (1, size, size) where a picture is grey."""
    joined = torch.empty(len(images), 3, size, size, dtype=torch.uint8)
    for place, image in enumerate(images):
        joined[place] = image
    return joined


def batches(
    samples: Samples, requests: Iterable[list[Request]], workers: int, *, pin: bool = False, prefetch: int = 2
) -> Iterator[Batch]:
    """Yield one batch a list of requests, in their order.

    Args:
        samples: What to fetch from.
        requests: A batch each.
        workers: Processes that decode; 0 = this one does.
        prefetch: Batches that each worker reads ahead.
        pin: Whether batches are put where a CUDA device copies them from faster.

    Raises:
        RunError: An image that could be read before can't be any more.
    """
    loader: DataLoader[Batch | RunError] = DataLoader(
        samples,
        batch_sampler=cast(Any, requests),
        num_workers=workers,
        prefetch_factor=prefetch if workers else None,
        multiprocessing_context=_context() if workers and samples.reads_parquet else None,
        collate_fn=cast(Any, _as_it_is),
        pin_memory=pin,
        worker_init_fn=_start_worker if workers else None,
        generator=torch.Generator(),  # else the loader would draw from torch's own, which the loop has seeded
    )
    for batch in loader:
        if isinstance(batch, RunError):
            raise batch
        yield batch


def in_order(table: Table, size: int, batch_size: int) -> Iterator[list[Request]]:
    """Requests for every row of a table once, in its order, without augmentation."""
    for start in range(0, len(table), batch_size):
        rows = range(start, min(start + batch_size, len(table)))
        yield [Request(row, epoch=0, draw=0, size=size, strength=0.0) for row in rows]


def _context() -> Any:
    """Workers that are no copies of this process, in which polars runs threads: a copy of them would wait for ever."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _as_it_is(batch: Batch | RunError) -> Batch | RunError:
    return batch


def _start_worker(_: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group; the main process answers them
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    worker = cast(Any, get_worker_info())
    cast(Samples, worker.dataset).pictures.divide(worker.num_workers)
