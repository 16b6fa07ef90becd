"""No option is accepted and ignored: settings that another setting robs of any effect are refused with the reason."""

from collections.abc import Sequence

from sfumato.data.augment import AugmentSpec
from sfumato.data.columns import ColumnsSpec
from sfumato.data.preprocess import PreprocessSpec
from sfumato.data.splits.spec import SplitSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.errors import InputError
from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.losses.unicl import UniclSpec
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import Family, is_random, reads_texts, writes_sequences
from sfumato.models.text_only import TextOnlySpec
from sfumato.models.vlm.spec import VlmSpec
from sfumato.recipe.decision_checks import refuse_unfitted
from sfumato.training.clock import Clock
from sfumato.training.job import TrainSpec
from sfumato.training.keyframe import START, Keyframe, Ramp
from sfumato.training.schedules import CosineSpec, LinearSpec, OneCycleSpec, PlateauSpec


def refuse_ineffective(
    *,
    columns: ColumnsSpec,
    split: SplitSpec,
    preprocess: PreprocessSpec,
    augment: AugmentSpec,
    model: Family,
    train: TrainSpec,
    timeline: Sequence[Keyframe],
    decision: DecisionSpec,
) -> None:
    """Raise InputError for the first setting that changes nothing."""
    _check_columns(columns, split, model)
    if isinstance(model, TextOnlySpec):
        _check_unseen(augment, timeline)
    _check_texts(model, timeline)
    _check_schedule(train)
    _check_sampler(train, timeline)
    _check_mixing(timeline, model)
    if not writes_sequences(model):
        _check_forcing(timeline)
    _check_augment(augment, timeline)
    _check_profile(augment, preprocess)
    _check_batches(train, timeline)
    _check_made(train, model)
    _check_decoding(train, model)
    _check_trackers(train)
    if isinstance(model, VlmSpec):
        _check_names(train, timeline)
    if split.val == 0:
        _check_without_validation(train, decision, "data.split.val is 0")


def refuse_idle_checkpoints(train: TrainSpec, clock: Clock) -> None:
    """Raise InputError for checkpoints that would come after the end of training."""
    for name in ("every", "keep"):
        duration = getattr(train.checkpoint, name)
        if duration is not None and clock.moment(duration, 0.0) > clock.epochs:
            long = f"training lasts {clock.epochs} epochs, {clock.steps} steps"
            raise _idle(f"train.checkpoint.{name}", f"{duration} is past its end: {long}", "100% is at its end")


def refuse_without_validation(train: TrainSpec, decision: DecisionSpec, samples: int) -> None:
    """Raise InputError for settings that need a validation part if the data gave it no sample."""
    if samples == 0:
        _check_without_validation(train, decision, "no sample stands in the val part")


def _check_columns(columns: ColumnsSpec, split: SplitSpec, model: Family) -> None:
    """Columns that are named and not read; those found by their usual names are only noted."""
    if columns.text is not None and not reads_texts(model):
        raise _idle("data.columns.text", "this model reads no texts", "leave it out, or choose model.kind: image_text")
    if columns.time is not None and split.by != "time":
        raise _idle("data.columns.time", "chance splits the samples", "set data.split.by: time")
    if columns.fold is not None and not isinstance(split.fold, str):
        raise _idle("data.columns.fold", "no fold of the data is asked for", "name one in data.split.fold")


def _check_decoding(train: TrainSpec, model: Family) -> None:
    """Ways to read pictures faster, where nothing reads any, or another setting has done so."""
    names = [name for name, is_set in (("decode", train.decode != "full"), ("cache_side", train.cache_side)) if is_set]
    if names and model.pictures == "none":
        raise _idle(f"train.{names[0]}", "this model looks at no picture", "leave it out")
    if len(names) > 1:
        raise _idle("train.decode", "training reads the pictures that cache_side keeps", "leave one of them out")


def _check_trackers(train: TrainSpec) -> None:
    """A run is one run in a service: the second of a kind would take the place of the first."""
    kinds = [one.kind for one in train.trackers]
    for place, kind in enumerate(kinds):
        if kind in kinds[:place]:
            raise InputError(f"{kind} stands twice", setting=f"train.trackers[{place}]", expected="each service once")


def _check_unseen(augment: AugmentSpec, timeline: Sequence[Keyframe]) -> None:
    """Settings of pictures, where none is looked at."""
    why, mend = "this model looks at no picture", "leave it out"
    seen = [name for name in augment.changed if name != "texts"]
    if seen:
        raise _idle(f"augment.{seen[0]}", why, mend)
    for index, keyframe in enumerate(timeline):
        for name in ("image_size", *([] if augment.texts else ["augment"])):
            if getattr(keyframe, name) is not None:
                raise _idle(f"timeline[{index}].{name}", why, mend)


def _check_texts(model: Family, timeline: Sequence[Keyframe]) -> None:
    """What belongs to classes that are told by texts, and what to those that are not."""
    by_texts = isinstance(model, DualEncoderSpec)
    for index, keyframe in enumerate(timeline):
        if by_texts and keyframe.head is not None:
            what, mend = "a dual encoder has no other head than the texts of its classes", "leave it out"
            raise InputError(what, setting=f"timeline[{index}].head", mend=mend)
        if not by_texts and isinstance(keyframe.loss, UniclSpec | PrototypeContrastSpec):
            what, expected = f"{keyframe.loss.kind} compares pictures with texts of classes", "model.kind: dual_encoder"
            raise InputError(what, setting=f"timeline[{index}].loss", expected=expected)


def _check_schedule(train: TrainSpec) -> None:
    schedule = train.schedule
    if isinstance(schedule, OneCycleSpec):
        return
    if "warmup_from" in schedule.changed and schedule.warmup.amount == 0:
        raise _idle("train.schedule.warmup_from", "there is no warm-up", "set train.schedule.warmup")
    if isinstance(schedule, CosineSpec | LinearSpec) and schedule.floor >= train.optimizer.lr:
        raise InputError(
            f"{schedule.floor:g} is not below train.optimizer.lr, {train.optimizer.lr:g}",
            setting="train.schedule.floor",
        )


def _check_sampler(train: TrainSpec, timeline: Sequence[Keyframe]) -> None:
    """Kinds of mixing differ only between natural and balanced draws."""
    powers = {value for keyframe in timeline for value in _values(keyframe.sampler_power)}
    ramps = any(isinstance(keyframe.sampler_power, Ramp) for keyframe in timeline)
    if "sampler" in train.changed and not ramps and powers <= {0.0, 1.0}:
        why = "the timeline's sampler_power is never between 0 and 1"
        raise _idle("train.sampler", why, "set sampler_power, or leave it out")


def _check_mixing(timeline: Sequence[Keyframe], model: Family) -> None:
    mixup, cutmix = _greatest("mixup_alpha", timeline), _greatest("cutmix_alpha", timeline)
    unmixed = "texts" if reads_texts(model) else "sequences of classes" if writes_sequences(model) else ""
    for index, keyframe in enumerate(timeline):
        if unmixed and (keyframe.mixup_alpha or keyframe.cutmix_alpha):
            setting = f"timeline[{index}].{'mixup_alpha' if keyframe.mixup_alpha else 'cutmix_alpha'}"
            raise InputError(f"blends pictures, and {unmixed} can't be blended", setting=setting, mend="leave it out")
        if keyframe.mix_probability is not None and not (mixup or cutmix):
            raise _idle(f"timeline[{index}].mix_probability", "nothing is mixed", "set mixup_alpha or cutmix_alpha")
        if keyframe.cutmix_share is not None and not (mixup and cutmix):
            raise _idle(f"timeline[{index}].cutmix_share", "mixup and CutMix are never both on", "set both alphas")


def _check_forcing(timeline: Sequence[Keyframe]) -> None:
    for index, keyframe in enumerate(timeline):
        if keyframe.teacher_forcing is not None:
            raise _idle(f"timeline[{index}].teacher_forcing", "a classifier writes no sequence", "leave it out")


def _check_augment(augment: AugmentSpec, timeline: Sequence[Keyframe]) -> None:
    first = timeline[0] if timeline else None
    off_at_start = first is not None and first.at.amount == 0 and first.augment == 0
    on_later = any(_values(keyframe.augment) != {0} for keyframe in timeline if keyframe.augment is not None)
    if off_at_start and not on_later and augment.changed:
        setting = f"augment.{augment.changed[0]}"
        raise _idle(setting, "the timeline keeps augmentation at 0", "raise the timeline's augment")
    if not _augments(augment):
        for index, keyframe in enumerate(timeline):
            if keyframe.augment is not None:
                raise _idle(f"timeline[{index}].augment", "the recipe's augment changes nothing", "raise one of it")
    if augment.crop == 1 and "aspect" in augment.changed:
        raise _idle("augment.aspect", "there is no crop", "set augment.crop below 1")


def _check_profile(augment: AugmentSpec, preprocess: PreprocessSpec) -> None:
    if augment.profile == "chart" and preprocess.fit == "crop":
        raise InputError("cuts a chart's title and legend off", setting="preprocess.fit", expected="pad, or stretch")


def _augments(spec: AugmentSpec) -> bool:
    colour = spec.brightness or spec.contrast or spec.saturation or spec.hue
    return bool(spec.texts or spec.flips or spec.crop < 1 or spec.shift or spec.rotate or spec.erase or colour)


def _check_batches(train: TrainSpec, timeline: Sequence[Keyframe]) -> None:
    sizes = [START["batch_size"], *(keyframe.batch_size for keyframe in timeline if keyframe.batch_size)]
    if timeline and timeline[0].batch_size and timeline[0].at.amount == 0:
        sizes = sizes[1:]
    if train.accumulate > min(sizes) / 2 and train.accumulate > 1:
        raise InputError(
            f"{train.accumulate} pieces of a batch of {min(sizes):g} hold fewer than two images each",
            setting="train.accumulate",
            expected=f"at most {int(min(sizes) // 2)}",
        )


def _check_made(train: TrainSpec, model: Family) -> None:
    """Averages that are made after the last step."""
    if train.soup is not None and train.epochs < 2:
        raise _idle("train.soup", "a single epoch has one set of weights", "train for longer, or leave it out")
    if train.interpolate is not None and is_random(model) and train.init_from is None:
        why = "the model's weights are none, so there is no pretrained network to start from"
        raise _idle("train.interpolate", why, "leave it out")


def _check_names(train: TrainSpec, timeline: Sequence[Keyframe]) -> None:
    """A model that names its classes has no head, and none of them is fit for fp16."""
    if train.precision == "fp16":
        what = "fp16, whose range the activations of Gemma 3 leave"
        raise InputError(what, setting="train.precision", expected="bf16, or fp32")
    for index, keyframe in enumerate(timeline):
        for name in ("head", "head_warmup"):
            if getattr(keyframe, name) is not None:
                raise _idle(f"timeline[{index}].{name}", "names are scored, and there is no head", "leave it out")


def _check_without_validation(train: TrainSpec, decision: DecisionSpec, why: str) -> None:
    if train.stop is not None:
        raise _idle("train.stop", f"{why}, so nothing is seen to get no better", "keep some validation samples")
    if isinstance(train.schedule, PlateauSpec):
        raise _idle("train.schedule", f"{why}, so no plateau is ever seen", "choose kind: cosine")
    if "select" in train.changed:
        raise _idle("train.select", f"{why}, so nothing is chosen", "keep some validation samples")
    for name in ("soup", "interpolate"):
        if getattr(train, name) is not None:
            raise _idle(f"train.{name}", f"{why}, so nothing is chosen", "keep some validation samples")
    refuse_unfitted(decision, why)


def _greatest(track: str, timeline: Sequence[Keyframe]) -> float:
    found = [value for keyframe in timeline for value in _values(getattr(keyframe, track))]
    return max([START[track], *found])


def _values(value: "float | Ramp[float] | None") -> set[float]:
    if value is None:
        return set()
    return {value.to} if isinstance(value, Ramp) else {value}


def _idle(setting: str, why: str, mend: str) -> InputError:
    return InputError(f"has no effect: {why}", setting=setting, mend=mend)
