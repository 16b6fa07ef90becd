"""What the steps of a run are shown: pictures, or what a phase keeps of them because it would recur."""

from collections.abc import Callable, Iterator
from itertools import islice

import torch

from sfumato.data.loading import Batch, Samples, batches
from sfumato.training.epoch_end import EpochEnd
from sfumato.training.features import Features, keep_features, read_ahead, read_until
from sfumato.training.frozen_phases import Stretch, first_stage_phases, kept_phases, stretches, too_large
from sfumato.training.job import Job
from sfumato.training.kept_maps import KeptMaps, keep_maps
from sfumato.training.records import Noted
from sfumato.training.step import Learner
from sfumato.training.stream import requests


class Feed:
    """The batches of all steps, and where steps and validations begin: at pictures, at features or at maps.

    Args:
        job: What is trained.
        learner: Told where its steps begin.
        epoch_end: Told where validations begin.
        tell: Told what is kept, and why it is not.
    """

    def __init__(self, job: Job, learner: Learner, epoch_end: EpochEnd, tell: Callable[[Noted], None]) -> None:
        self._job, self._learner, self._epoch_end, self._tell = job, learner, epoch_end, tell
        self._phases: tuple[Stretch, ...] = ()
        self._features: Features | None = None
        self._maps: tuple[int, KeptMaps | None] = (0, None)
        """End of the phase that was last tried for them, and those of it."""
        self._read = 0

    def begin(self, step: int) -> None:
        """Keep what the phase of the first step trains on, and read the texts that need be read once."""
        self._phases = (*kept_phases(self._job), *first_stage_phases(self._job))
        here = next((one for one in self._phases if one.begin <= step < one.end), None)
        if here is not None and here.kept:
            self._keep(here)
        elif here is not None:
            self._maps_of(here)
        unkept = too_large(self._job)
        if unkept:
            self._tell(Noted(unkept))
        self._read = read_until(self._job)
        if step < self._read:
            read_ahead(self._job)
            self._tell(Noted("texts read once: the text tower does not learn" + self._until(self._read)))

    def batches(self, first: int) -> Iterator[Batch]:
        """Those of every step from the first one on."""
        job, machine = self._job, self._job.machine
        samples = Samples(job.train, job.preprocess, job.augment, job.spec.seed, job.pictures)
        for one in stretches(self._phases, first, job.plan.steps):
            drawn = requests(
                job.plan, job.drawn_by, job.draws, one.begin, rank=machine.rank, processes=machine.processes
            )
            wanted = islice(drawn, one.end - one.begin)
            kept = self._kept(one)
            if kept is not None:
                targets = torch.from_numpy(job.train.answers).to(machine.device)
                yield from (kept.batch(some, targets) for some in wanted)
                continue
            yield from batches(samples, wanted, job.workers, pin=machine.device.type == "cuda", prefetch=job.prefetch)

    def reach(self, step: int) -> None:
        """Called before a step is taken: texts are read anew from when their tower learns."""
        if step == self._read:
            self._job.model.forget_texts()

    def end(self) -> None:
        """After the last step: other weights than the last may have others below the head, or in the first stages."""
        if self._phases != (Stretch(0, self._job.plan.steps, kept=True),):
            self._epoch_end.features = None
        self._begin_at(None)

    def _kept(self, phase: Stretch) -> Features | KeptMaps | None:
        """What the steps of a phase are shown in the place of pictures."""
        maps = self._maps_of(phase)
        self._begin_at(maps)
        if phase.kept:
            return self._features or self._keep(phase)
        self._features, self._epoch_end.features = None, None  # what is below the head moves from now on
        return maps

    def _keep(self, phase: Stretch) -> Features:
        """Compute what a phase trains on, as far as no earlier run did."""
        features = keep_features(self._job, phase)
        self._features, self._epoch_end.features = features, features.val
        self._learner.leave_training()
        known = features.images - features.computed
        earlier = f", {known} of {features.images} by an earlier run" if known else ""
        said = f"features of {len(self._job.train)} images computed once{earlier}: nothing below the head learns"
        self._tell(Noted(said + self._until(phase.end)))
        return features

    def _maps_of(self, phase: Stretch) -> KeptMaps | None:
        """The maps that the steps of a phase begin at; None where they begin at pictures, or all features are kept."""
        tried, maps = self._maps
        if not phase.first_stages:
            return None
        if tried != phase.end:
            found = keep_maps(self._job, phase)
            self._learner.leave_training()
            maps = found if isinstance(found, KeptMaps) else None
            self._maps = (phase.end, maps)
            if found is not None:
                said = f"every step computes its first stages: {found}" if isinstance(found, str) else found.told
                self._tell(Noted(said + self._until(phase.end)))
        return maps

    def _begin_at(self, maps: KeptMaps | None) -> None:
        """Let steps and validations begin at maps, or at pictures."""
        self._learner.follow = None if maps is None else maps.follow
        self._epoch_end.maps = maps
        if maps is None:
            self._maps = (self._maps[0], None)

    def _until(self, step: int) -> str:
        plan = self._job.plan
        return "" if step == plan.steps else f" until epoch {plan.clock.epoch_at(step):g}"
