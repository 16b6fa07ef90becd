"""Numbers as a person reads them: counts, shares, learning rates, moments."""

TRACK_NAMES = {
    "lr_scale": "lr scale",
    "image_size": "image size",
    "batch_size": "batch size",
    "augment": "augmentation",
    "sampler_power": "sampler power",
    "label_smoothing": "label smoothing",
    "mixup_alpha": "mixup",
    "cutmix_alpha": "CutMix",
    "mix_probability": "mixing chance",
    "cutmix_share": "CutMix share",
    "teacher_forcing": "teacher forcing",
    "ema_decay": "EMA decay",
}
"""Every numeric track in the order it is shown, with the name it is shown by."""

CHOICE_NAMES = {
    "head": "kind of head",
    "class_weights": "class weights",
    "loss": "loss",
    "centre_loss": "centre loss",
    "swa": "SWA",
}
"""Every track that is no number, but for what learns, in the same way."""


LANES = (
    "head",
    "image_size",
    "batch_size",
    "augment",
    "sampler_power",
    "class_weights",
    "loss",
    "label_smoothing",
    "mixup_alpha",
    "cutmix_alpha",
    "mix_probability",
    "cutmix_share",
    "teacher_forcing",
    "centre_loss",
    "ema_decay",
    "swa",
)
"""Tracks in the order in which the picture stacks them, below the learning rate and what learns."""


def count(number: int) -> str:
    """A whole number with thousands apart: 12,341."""
    return f"{number:,}"


def percent(share: float) -> str:
    """A share of 1 in percent with one decimal: 85.5 %."""
    return f"{100 * share:.1f} %"


def together(text: str) -> str:
    """The same without a line break between a number and its sign of percent."""
    return text.replace(" %", "\u00a0%")


def rate(value: float) -> str:
    """A learning rate: 0.1 as it is, small ones by their power of ten, 1.2e-3."""
    if value == 0 or value >= 0.01:
        return f"{value:.2g}"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"


def moment(epoch: float) -> str:
    """Epochs since the start, at most 2 decimals: 12.5."""
    return f"{round(epoch, 2):g}"


def many(number: int, what: str) -> str:
    """A count with its noun, in the plural where there is not one: 1 image, 656 images."""
    plural = what if number == 1 else f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{count(number)} {plural}"


def value_text(track: str, value: float) -> str:
    """A track's value with its unit; 0 is `off`."""
    if value == 0:
        return "off"
    text = f"{value:.4g}"
    return f"{text} px" if track == "image_size" else text


LEAST_SUPPORT = 5
"""A class with fewer samples is not called the worst: one picture more or less would change that."""
TRUSTED, ROUGH = 0.05, 0.10
"""Calibration errors up to which confidence is called trustworthy, and a rough guide."""


def setting_of(part: str, samples: int, *, test_spared: bool = False) -> str:
    """On what figures were measured, as the beginning of a sentence; `test_spared` as for `verdict.reach`."""
    if part == "data":
        return f"On {many(samples, 'labelled image')}"
    if part == "test":
        return f"On {many(samples, 'test image')} it never learned from"
    why = "No images were set aside for a test"
    if test_spared:
        why = "The test images are left to what is made of all its runs"
    images = many(samples, "validation image")
    return f"{why}, so these figures are optimistic: on the {images} that also chose the weights"
