"""The predictor: a bundle that looks at pictures and decides. It shares nothing with training but the model's parts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.bundle.ensemble import AnyBundle, read_any
from sfumato.bundle.folder import check_samples
from sfumato.bundle.samples import Sample
from sfumato.data.health.usable import NO_PICTURE, NO_TEXT
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.narrowing import SeenElements
from sfumato.decision.policies import AnyPolicy, measures, policies_from_dict
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.models.arithmetic import full_precision
from sfumato.predict.ahead import decoded_ahead
from sfumato.predict.answering import answer_of, borrows, elements_of, kept_classes
from sfumato.predict.decisions import Answer, Decision
from sfumato.predict.device import chosen_device
from sfumato.predict.explainer import Explainer
from sfumato.predict.inference_engine import EngineName, choose_engine, rounding
from sfumato.predict.inputs import Decoded, Input, WithText, decoded, name_of
from sfumato.predict.networks import Networks, Pictures
from sfumato.predict.new_texts import answering, stored_texts
from sfumato.predict.open_vocabulary import Asked, asked_by_labels, asked_by_texts, policy_for
from sfumato.predict.readings import Readings
from sfumato.predict.together import looker
from sfumato.shown import PictureUse
from sfumato.tasks import TaskLayout

BATCH = 32
NOT_FINITE = "the network gives it scores that are not finite"
"""What is wrong with an input of which it does."""


class Predictor:
    """A loaded bundle.

    Args:
        bundle: Read by `read_any`.
        where: Names the bundle in errors.
        device: A torch device; None = CUDA, else MPS, else CPU.
        engine: What computes; see `EngineName`.
        check: Whether it must give its golden samples their logits; there are none for classes it was not made for.

    Raises:
        InputError: The bundle's parts do not fit together, or its golden samples give other logits than they should.
    """

    def __init__(
        self,
        bundle: AnyBundle,
        where: str,
        device: str | None = None,
        engine: EngineName = "auto",
        *,
        check: bool = True,
    ) -> None:
        self.tasks: TaskLayout = bundle.tasks
        self.policies = policies_from_dict(bundle.policy, self.tasks, f"{where}/policy.json")
        self.device = chosen_device(device)
        self.engine = choose_engine(engine, bundle, self.device, where)
        self._looker = looker(bundle, self.policies, where, self.device, self.engine.name)
        if check:
            rounded = rounding(bundle, self.engine.name)
            check_samples(bundle.samples, self.tasks.classes, self._sample_logits, where, rounded)

    @property
    def labels(self) -> LabelSpace:
        """The classes of the only task.

        Raises:
            InputError: There are several; `tasks.spaces` has those of each.
        """
        return self.tasks.labels

    @property
    def policy(self) -> AnyPolicy:
        """The policy of the only task; of several, `policies` has that of each."""
        _ = self.labels
        return self.policies[""]

    @property
    def calibrated(self) -> bool:
        """Whether all its probabilities were calibrated on validation samples."""
        return all(policy.calibrator.fitted and not borrows(policy) for policy in self.policies.values())

    @property
    def names_sets(self) -> bool:
        """Whether decisions come with sets of classes."""
        return any(
            (policy.misses if isinstance(policy, MultilabelPolicy) else policy.sets) is not None
            for policy in self.policies.values()
        )

    @property
    def reads_texts(self) -> bool:
        """Whether texts are part of what it decides on."""
        return self._looker.reads_texts

    @property
    def tells_familiarity(self) -> bool:
        """Whether decisions come with how familiar the picture is."""
        return bool(measures(self.policies))

    @property
    def explains(self) -> bool:
        """Whether `explainer` gives one; where graphs compute, it still may not."""
        return isinstance(self._looker, Networks) and self._looker.has_maps

    @property
    def networks(self) -> int:
        """How many networks it averages; 1 where it fuses members, each of which is a bundle of its own."""
        return len(self._looker) if isinstance(self._looker, Networks) else 1

    def explainer(self) -> Explainer | None:
        """What can be asked what spoke for a class, of several networks the first; None where none can.

        It shares weights with this predictor and nothing else: both may be used at once, in different threads. Where
        graphs compute, it is built of the weights beside them.
        """
        network = self._looker.apart() if isinstance(self._looker, Networks) else None
        return None if network is None else Explainer(network, cast(Networks, self._looker).preprocess, self.tasks)

    def predict(self, inputs: Iterable[Input]) -> list[Decision]:
        """One decision an input, in order.

        Args:
            inputs: Paths, bytes of files, PIL images, or arrays (H, W) or (H, W, 3) of uint8; where texts are read,
                `WithText(image, text)`.

        Raises:
            InputError: A single input, which is no list of them.
        """
        return list(self.stream(inputs))

    def stream(self, inputs: Iterable[Input]) -> Iterator[Decision]:
        """As `predict`, one decision after the other, for inputs that would not fit into memory at once."""
        refuse_single(inputs)
        return self._stream(inputs)

    def _stream(self, inputs: Iterable[Input]) -> Iterator[Decision]:
        for index, (source, row, without) in enumerate(self._looked_at(inputs, narrowed=True)):
            name = name_of(source, index)
            yield self._bad(name, row) if isinstance(row, str) else self._decision(name, row, without, source)

    def scored(self, inputs: Iterable[Input]) -> Iterator[tuple[Input, Readings | str]]:
        """Each input with what is read off it before the policy, or with what is wrong with it; in order."""
        for source, row, _ in self._looked_at(inputs):
            yield source, row

    def _looked_at(
        self, inputs: Iterable[Input], *, narrowed: bool = False
    ) -> Iterator[tuple[Input, Readings | str, str | None]]:
        """The same, each with what it had to do without where texts are read.

        Where it is `narrowed`, what is read of classes that the policy leaves out may be anything.
        """
        for chunk, found in decoded_ahead(inputs, partial(decoded, seen=self._looker.seen), BATCH):
            without = [one.without if self._can_lack else None for one in found]
            seen = [elements_of(one) if narrowed else None for one in chunk]
            yield from zip(chunk, self._scores(found, seen), without, strict=True)

    def logits(self, pictures: Sequence[Pictures], texts: Sequence[str] | None = None) -> NDArray[np.float32]:
        """(N, C) scores before the policy, of N decoded pictures (H, W, 3), and of their texts where these are read.

        Of several networks those to which the policy gives the mean of their calibrated probabilities; of an ensemble
        what its fusion makes of its members' probabilities.
        """
        return self.read(pictures, texts).logits

    def read(
        self,
        pictures: Sequence[Pictures],
        texts: Sequence[str] | None = None,
        kept: NDArray[np.bool_] | None = None,
    ) -> Readings:
        """The same with how familiar each picture is, where a policy asks.

        Where (N, C) `kept` says which classes may be answered, what is read of the others may be anything.
        """
        return self._looker.read(pictures, texts, kept)

    def prototypes(self) -> list[NDArray[np.float64]]:
        """(C, E) of length 1 by each network of a dual encoder: where its classes lie, in the order of `labels`."""
        assert isinstance(self._looker, Networks)
        return self._looker.prototypes()

    def _scores(self, inputs: list[Decoded], seen: list[SeenElements | None]) -> Iterator[Readings | str]:
        """What is read off each input, or what was wrong with it, or is with that."""
        problems = [self.problem(one) for one in inputs]
        good = [one for one, problem in zip(inputs, problems, strict=True) if problem is None]
        rows = [
            kept_classes(self.policies.get(""), one)
            for one, problem in zip(seen, problems, strict=True)
            if problem is None
        ]
        some = [row for row in rows if row is not None]
        kept = np.concatenate(some) if some and len(some) == len(rows) else None
        pictures, texts = [one.pictures for one in good], [one.text for one in good]
        readings = self.read(pictures, texts, kept).each() if good else iter(())
        for problem in problems:
            row = next(readings) if problem is None else problem
            finite = isinstance(row, str) or row.finite
            yield row if finite else NOT_FINITE

    @property
    def _can_lack(self) -> bool:
        """Whether an answer may be without what others have."""
        return self.reads_texts and self._looker.seen != "none"

    @property
    def seen(self) -> PictureUse:
        """Which of several pictures of an input are looked at."""
        return self._looker.seen

    def problem(self, one: Decoded) -> str | None:
        """Why an input can't be decided on; a text can stand for a picture that is not there."""
        if one.pictures or (self.reads_texts and one.text):
            return None
        if self._looker.seen == "none":
            return NO_TEXT
        return one.problem or ("no image, and no text" if self.reads_texts else NO_PICTURE)

    def _bad(self, name: str, error: str) -> Decision:
        answers: dict[str, Answer] | None = {} if self.tasks.several else None
        return Decision(name, None, None, {}, self.calibrated, abstained=False, error=error, answers=answers)

    def answers(self, read: Readings, seen: SeenElements | None = None) -> dict[str, Answer]:
        """What is said of one input in each task, of what was read off it.

        Args:
            read: Of one input.
            seen: The elements found in it, by which candidates may be narrowed; None = that is not known.
        """
        found: dict[str, Answer] = {}
        for place, (task, where) in enumerate(self.tasks.slices.items()):
            policy, names = self.policies[task], self.tasks.spaces[task].names
            familiarity, kept = read.familiarity_of(place), kept_classes(policy, seen)
            found[task] = answer_of(policy, names, read.logits[:, where], familiarity, kept)
        return found

    def _decision(self, name: str, read: Readings, without: str | None, source: Input) -> Decision:
        answers = self.answers(read, elements_of(source))
        if self.tasks.several:
            withheld = any(answer.abstained for answer in answers.values())
            return Decision(name, None, None, {}, self.calibrated, withheld, None, answers, without=without)
        only = answers[""]
        said = (only.label, only.confidence, only.probabilities, only.calibrated, only.abstained)
        near, inside = only.familiarity, only.set
        found = Decision(name, *said, error=None, set=inside, labels=only.labels, familiarity=near, without=without)
        return replace(found, borrowed=only.borrowed)

    def _sample_logits(self, samples: tuple[Sample, ...]) -> NDArray[np.float32]:
        with full_precision():
            return self.logits([sample.pixels for sample in samples], [sample.text for sample in samples])


def load(
    path: str | Path,
    device: str | None = None,
    engine: EngineName = "auto",
    texts: Mapping[str, Sequence[str]] | None = None,
    labels: str | Path | None = None,
) -> Predictor:
    """Load a bundle (or a run's folder) and let it check itself. No code of the bundle is run.

    Args:
        path: The folder.
        device: A torch device; None = CUDA, else MPS, else CPU.
        engine: What computes: `torch`, or ONNX Runtime where the bundle holds graphs; see `EngineName`.
        texts: Class -> its texts, to be answered with instead of those of training; only of a dual encoder. Where an
            image may be of several classes a new one borrows its calibration and threshold from those most like it;
            where it is of one, nothing is used that was fitted.
        labels: A label file whose classes are to be answered with, in the same way; new ones get texts as the others
            did.

    Raises:
        InputError: No bundle there, one from a later version, changed, damaged, or one that computes something else; or
            no such device.
    """
    bundle = read_any(Path(path))
    own = Predictor(bundle, str(path), device, engine)
    if texts is None and labels is None:
        return own
    if texts is not None and labels is not None:
        raise InputError("texts and labels both name the classes", expected="one of them")
    asked = asked_by_texts(texts) if texts is not None else asked_by_labels(Path(str(labels)), bundle, str(path))
    return asking(bundle, asked, str(path), device, own)


def asking(
    bundle: AnyBundle, asked: Asked, where: str, device: str | None = None, own: Predictor | None = None
) -> Predictor:
    """The predictor of a dual encoder's bundle that answers with other classes.

    Args:
        bundle: Read by `read_any`.
        asked: The classes.
        where: Names the bundle in errors.
        device: As for `load`.
        own: The bundle's own, if it was loaded.

    Raises:
        InputError: Another kind of bundle.
    """
    found = Predictor(answering(bundle, asked.texts, where, asked.labels), where, device, "torch", check=False)
    own = own or Predictor(bundle, where, device, "torch")
    if isinstance(own.policy, MultilabelPolicy):
        before = stored_texts(bundle, where)
        found.policies[""] = policy_for(own.policy, before, asked.texts, (own.prototypes(), found.prototypes()))
    return found


def refuse_single(inputs: object) -> None:
    """One picture where a list of them belongs: a text would be taken for its letters, an array for its rows."""
    row = isinstance(inputs, np.ndarray) and inputs.ndim < 4
    if row or isinstance(inputs, str | Path | bytes | Image.Image | WithText):
        kind = type(cast(object, inputs)).__name__
        raise InputError(f"a single {kind}", expected="a list of images, such as predict([image])")
