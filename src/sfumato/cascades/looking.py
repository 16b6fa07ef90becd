"""What the stages of a cascade say of samples, those that a stage would not be asked about too where it is wanted.

Shapes: N samples, E elements, C products.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.bundle.cascade import Role
from sfumato.cascades.origin import NOTHING, Heard
from sfumato.cascades.samples import Samples
from sfumato.data.progress import Progress
from sfumato.errors import InputError
from sfumato.predict.cascade_stages import Stages
from sfumato.predict.inputs import Decoded, WithText, decoded
from sfumato.predict.predictor import BATCH, NOT_FINITE

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Through = Callable[[Floats, slice], Booleans]
"""Which of some samples the later stages are asked about: of (n,) probabilities that they go on, and their place."""


@dataclass
class StageTime:
    """What a stage took."""

    looked: int = 0
    """Pictures."""
    seconds: float = 0.0
    """Of wall-clock time, for all of them together."""

    @property
    def each(self) -> float:
        """Seconds a picture; 0 where it looked at none."""
        return self.seconds / self.looked if self.looked else 0.0


@dataclass
class Said:
    """What was said of the N samples that could be looked at; NaN where a stage was not asked."""

    samples: Samples
    going: Floats
    """(N,) probability that each goes on; 1 where there is no gate."""
    elements: NDArray[np.float32] | None
    """(N, E) logits."""
    products: NDArray[np.float32]
    """(N, C) logits."""
    familiarity: NDArray[np.float32] | None
    """(N,) of the last stage."""
    times: dict[Role, StageTime]
    decoding: StageTime
    bad: pl.DataFrame = field(default_factory=pl.DataFrame)
    """The others: id, image, problem."""

    @property
    def asked(self) -> Booleans:
        """(N,) whether the later stages were asked."""
        return np.asarray(np.isfinite(self.products).all(axis=1), dtype=np.bool_)

    def only(self, rows: Booleans) -> "Said":
        """The same of the samples where (N,) `rows` is True."""
        elements = None if self.elements is None else self.elements[rows]
        familiarity = None if self.familiarity is None else self.familiarity[rows]
        of = (self.samples.only(rows), self.going[rows], elements, self.products[rows], familiarity)
        return Said(*of, self.times, self.decoding, self.bad)


def look(
    samples: Samples, stages: Stages, through: Through, show: Progress, heard: Mapping[Role, Heard] | None = None
) -> Said:
    """Ask the stages of every sample, a few at a time.

    Args:
        samples: N.
        stages: Loaded.
        through: Of which samples the later stages are asked.
        show: Shows the progress.
        heard: Stage -> what it said of samples out of fold, in place of which it is not asked of them.

    Raises:
        InputError: No sample can be looked at.
    """
    walk = _Walk(samples, stages, through, heard or {})
    starts = range(0, len(samples), BATCH)
    with ThreadPoolExecutor(4) as pool:
        for start in show(starts, len(starts)):
            walk.take(slice(start, min(start + BATCH, len(samples))), pool)
    return walk.said()


class _Walk:
    """What is known so far."""

    def __init__(self, samples: Samples, stages: Stages, through: Through, heard: Mapping[Role, Heard]) -> None:
        self._samples, self._stages, self._through, self._heard = samples, stages, through, heard
        rows, count = samples.table.rows, len(samples)
        images = cast(list[list[str]], rows["images"].fill_null([]).to_list())
        texts = cast(list[str], rows["text"].to_list())
        self._inputs = [WithText(some, text) for some, text in zip(images, texts, strict=True)]
        self._logits = {
            role: np.full((count, len(one.labels)), np.nan, dtype=np.float32) for role, one in stages.of.items()
        }
        self._near = np.full(count, np.nan, dtype=np.float32) if stages.products.tells_familiarity else None
        self._going = np.ones(count)
        self._problems: list[str | None] = [None] * count
        self._times: dict[Role, StageTime] = {role: StageTime() for role in stages.of}
        self._decoding = StageTime()

    def take(self, part: slice, pool: ThreadPoolExecutor) -> None:
        """Look at some of them."""
        began, start = time.perf_counter(), cast(int, part.start)
        found = list(pool.map(partial(decoded, seen=self._stages.seen), self._inputs[part]))
        self._decoding.looked += len(found)
        self._decoding.seconds += time.perf_counter() - began
        self._problems[part] = [self._stages.problem(one) for one in found]
        good = np.array([problem is None for problem in self._problems[part]], dtype=np.bool_)
        places: NDArray[np.int64] = np.arange(start, cast(int, part.stop), dtype=np.int64)
        looked = places[good]
        if "gate" in self._stages.of:
            looked = self._ask("gate", looked, found, start)
            self._going[looked] = self._stages.going(self._logits["gate"][looked])
        on = looked[self._through(self._going[part], part)[looked - start]]
        named = None
        if "elements" in self._stages.of:
            on = self._ask("elements", on, found, start)
            named = self._stages.named(self._logits["elements"][on])
        texts = self._stages.texts([found[place - start] for place in cast(list[int], on.tolist())], named)
        self._ask("products", on, found, start, texts)

    def _ask(
        self, role: Role, places: NDArray[np.int64], found: list[Decoded], start: int, texts: list[str] | None = None
    ) -> NDArray[np.int64]:
        """Fill in what a stage says, or has said, of the samples at some places; those at which it says numbers."""
        heard, ids = self._heard.get(role, NOTHING), self._samples.table.ids
        asked = cast(list[int], places.tolist())
        for place in asked:
            if ids[place] in heard.rows:
                row = heard.rows[ids[place]]
                self._logits[role][place] = heard.logits[row]
                if role == "products" and self._near is not None and heard.familiarity is not None:
                    self._near[place] = heard.familiarity[row]
        new = [turn for turn, place in enumerate(asked) if ids[place] not in heard.rows]
        if new:
            said = None if texts is None else [texts[turn] for turn in new]
            self._read(role, places[new], [found[asked[turn] - start] for turn in new], said)
        fine = np.isfinite(self._logits[role][places]).all(axis=1)
        for place in cast(list[int], places[~fine].tolist()):
            self._problems[place] = NOT_FINITE
        return places[fine]

    def _read(self, role: Role, at: NDArray[np.int64], inputs: list[Decoded], texts: list[str] | None) -> None:
        began = time.perf_counter()
        read = self._stages.read(role, inputs, texts)
        self._times[role].looked += len(inputs)
        self._times[role].seconds += time.perf_counter() - began
        self._logits[role][at] = read.logits
        if role == "products" and self._near is not None and read.familiarity is not None:
            self._near[at] = read.familiarity[:, 0]

    def said(self) -> Said:
        """What is known in the end."""
        rows = self._samples.table
        problems = pl.Series("problem", self._problems, dtype=pl.String)
        bad = pl.DataFrame({"id": rows.ids, "image": rows.first_images, "problem": problems}).drop_nulls("problem")
        if len(bad) == len(rows):
            raise InputError(f"no image can be used, the first since: {bad['problem'][0]}", where=rows.source)
        whole = Said(
            self._samples,
            self._going,
            self._logits.get("elements"),
            self._logits["products"],
            self._near,
            self._times,
            self._decoding,
            bad,
        )
        return whole.only(problems.is_null().to_numpy())
