"""The end of an epoch: weights averaged, every set of them measured, and what looks back at that."""

from torch import Tensor

from sfumato.training.averaging import WeightAverage, carrying, equal_weight, norms_that_learn, refresh_statistics
from sfumato.training.epoch_images import images_of
from sfumato.training.feedback import Feedback, counts_epoch, take_note
from sfumato.training.job import Job
from sfumato.training.kept_maps import KeptMaps
from sfumato.training.records import EpochDone, Noted, Weights
from sfumato.training.step import Learner
from sfumato.training.validation import Validated, validate


class EpochEnd:
    """Averages and measures the weights of one job."""

    def __init__(self, job: Job, learner: Learner) -> None:
        self.features: Tensor | None = None
        """(M, D) of the validation images, where they were computed before."""
        self.maps: KeptMaps | None = None
        """Of first stages, where they were."""
        self._job = job
        self._learner = learner

    def measure(self, epoch: int) -> dict[Weights, Validated]:
        """Take the weights into the averages that are due, and return what was measured of each there is.

        None are without a validation part. The model is left in evaluation mode where anything was asked of it.
        """
        self._average(epoch)
        return self._validations()

    def _average(self, epoch: int) -> None:
        """Take the weights of an epoch's end into the equal average, where they are one of those averaged."""
        averaging, learner, job = self._job.plan.averaging, self._learner, self._job
        if averaging is None or not averaging.takes(epoch):
            return
        learner.mean = learner.mean or WeightAverage(job.model)
        learner.mean.take_in(job.model, equal_weight(learner.mean.updates))
        if norms_that_learn(job.model):
            with carrying(job.model, learner.mean.tensors):
                refresh_statistics(job.model, images_of(job, epoch))
                learner.mean.follow(job.model, "")
        learner.leave_training()

    def _validations(self) -> dict[Weights, Validated]:
        """Those of the raw weights, and of each average there is; none without a validation part."""
        job, learner = self._job, self._learner
        if not len(job.val):
            return {}
        learner.leave_training()
        learner.share_statistics()
        averages: dict[Weights, WeightAverage | None] = {"ema": learner.average, "swa": learner.mean}
        found: dict[Weights, Validated] = {"raw": self.validate()}
        for which, average in averages.items():
            if average is not None:
                with carrying(job.model, average.tensors):
                    found[which] = self.validate()
        return found

    def validate(self) -> Validated:
        """Measure the weights that the model carries now; it must be in evaluation mode."""
        job = self._job
        machine = job.machine
        kept = self.features if self.maps is None else self.maps.features_of_val(job)
        return validate(job.model, job.val, job.train.counts, job.preprocess, machine, job.workers, job.pictures, kept)


def look_back(job: Job, feedback: Feedback, row: EpochDone) -> Noted | None:
    """Let an epoch's validation lower the rate or end training, where the recipe says so; what is worth a line."""
    if not row.validation:
        return None
    stop = job.spec.stop
    counts = stop is not None and counts_epoch(stop, job.plan, row.epoch)
    scores = {name: value for name, value in row.validation["raw"].items() if value is not None}
    said = take_note(feedback, scores, job.spec.schedule, stop, job.spec.select, counts=counts)
    return Noted(f"epoch {row.epoch + 1}: {said}") if said else None
