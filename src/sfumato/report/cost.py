"""What a training will take, as lines and as JSON."""

from typing import Any

from sfumato.report.wording import moment
from sfumato.training.dry_batch import StageCost
from sfumato.training.estimate import Estimate


def cost_lines(found: Estimate) -> list[str]:
    """The whole training in one line, and how that is known in another."""
    parts = [f"{duration(found.validating)} validating"]
    if found.reading:
        waits = "reading pictures" if found.workers == 0 else "waiting for pictures"
        parts.insert(0, f"{duration(found.reading)} {waits}")
    total = f"about {duration(found.seconds)} on {found.device} ({found.precision}), of which {' and '.join(parts)}"
    memory = f"; peak memory {_memory_of(found)} about {_size(found.memory)}" if found.memory else ""
    return [f"cost: {total}{memory}", f"      {'; '.join(['an estimate from dry batches', *_reservations(found)])}"]


def cost_json(found: Estimate) -> dict[str, Any]:
    """The same, and every stage; times in seconds, memory in bytes, null = not known."""
    return {
        "estimate": True,
        "device": found.device,
        "precision": found.precision,
        "workers": found.workers,
        "seconds": found.seconds,
        "learning_seconds": found.learning,
        "validating_seconds": found.validating,
        "reading_seconds": found.reading,
        "memory_bytes": found.memory,
        "memory_of": _memory_of(found).removeprefix("of the "),
        "phases": [_phase(cost) for cost in found.measured.stages],
    }


def duration(seconds: float) -> str:
    """As a person says it: 40 s, 14 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _phase(cost: StageCost) -> dict[str, Any]:
    stage = cost.stage
    return {
        "epoch": stage.begin,
        "steps": stage.steps,
        "learn": dict(stage.settings.learn),
        "head": stage.settings.head.model_dump(mode="json"),
        "image_size": stage.settings.image_size,
        "images": stage.images,
        "measured_images": cost.step.measured,
        "seconds_per_step": cost.step.seconds,
        "images_per_second": stage.images / cost.step.seconds,
        "memory_bytes": cost.memory,
    }


def _reservations(found: Estimate) -> list[str]:
    said = [
        f"from epoch {moment(cost.stage.begin)} measured with {cost.step.measured} of {cost.stage.images} images a step"
        for cost in found.measured.stages
        if cost.step.measured < cost.stage.images
    ]
    if len(said) > 1:
        said = [f"{said[0]}, and so for {len(said) - 1} more"]
    return said + ["reading pictures not counted, for there are none yet"] * (found.reading is None)


def _memory_of(found: Estimate) -> str:
    return "of the GPU" if found.device == "cuda" else "of the process"


def _size(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 5e8 else f"{amount / 1e6:.0f} MB"
