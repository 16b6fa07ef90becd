"""What is no number on the timeline, in words: the longest first, for where there is room, and ever shorter ones."""

from sfumato.losses.asymmetric import AsymmetricSpec
from sfumato.losses.binary_cross_entropy import BinaryCrossEntropySpec
from sfumato.losses.centre import CentreLossSpec
from sfumato.losses.class_weights import EffectiveNumberSpec, InverseFrequencySpec
from sfumato.losses.element_margin import ElementMarginSpec
from sfumato.losses.focal import FocalSpec
from sfumato.losses.logit_adjusted import LogitAdjustedSpec
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.models.heads import CosineHeadSpec, MlpHeadSpec
from sfumato.models.ml_decoder import MlDecoderHeadSpec
from sfumato.models.prototype_head import PrototypeHeadSpec
from sfumato.report.wording import rate
from sfumato.training.averaging import SwaSpec

TIMES = "\N{MULTIPLICATION SIGN}"
OFF = "off"
Told = BinaryCrossEntropySpec | AsymmetricSpec | FocalSpec | TailFocalSpec | LogitAdjustedSpec | ElementMarginSpec
"""Losses of which there is more to tell than their kind."""


def words(choice: object) -> tuple[str, ...]:
    """Names of a loss, head, kind of class weights, centre loss or average; None is `off`."""
    if isinstance(choice, Told):
        return _of_loss(choice)
    if isinstance(choice, CosineHeadSpec | MlpHeadSpec | PrototypeHeadSpec | MlDecoderHeadSpec):
        return _of_head(choice)
    if isinstance(choice, InverseFrequencySpec | EffectiveNumberSpec):
        return _of_weights(choice)
    if isinstance(choice, CentreLossSpec):
        return f"centre loss {choice.weight:g}", f"{choice.weight:g}"
    if isinstance(choice, SwaSpec):
        return _of_average(choice)
    return (OFF,) if choice is None else _PLAIN[str(getattr(choice, "kind", ""))]


_PLAIN = {
    "cross_entropy": ("cross-entropy", "CE"),
    "balanced_softmax": ("balanced softmax", "balanced"),
    "prototype_contrast": ("prototypes, what is there against the rest", "prototype contrast", "prototypes"),
    "unicl": ("UniCL, pictures against texts", "UniCL"),
    "linear": ("linear head", "linear"),
    "names": ("names scored", "names"),
    "given": ("weights as given", "given"),
    "file": ("weights from a file", "file"),
}


def _of_loss(loss: Told) -> tuple[str, ...]:
    if isinstance(loss, ElementMarginSpec):
        return f"cross-entropy, margin {loss.margin:g} among shared elements", f"margin {loss.margin:g}", "margin"
    if isinstance(loss, BinaryCrossEntropySpec | AsymmetricSpec):
        return _of_label_loss(loss)
    if isinstance(loss, LogitAdjustedSpec):
        tau = f"\N{GREEK SMALL LETTER TAU} {loss.tau:g}"
        return f"logit-adjusted {tau}", "logit-adjusted", "adjusted", tau
    gamma = f"\N{GREEK SMALL LETTER GAMMA} {loss.gamma:g}"
    if isinstance(loss, FocalSpec):
        return f"focal {gamma}", "focal", gamma
    return f"tail focal {gamma}, rarest {100 * loss.fraction:g} %", f"tail focal {gamma}", "tail focal", "tail"


def _of_label_loss(loss: BinaryCrossEntropySpec | AsymmetricSpec) -> tuple[str, ...]:
    if isinstance(loss, AsymmetricSpec):
        gammas = f"\N{GREEK SMALL LETTER GAMMA} {loss.gamma_pos:g} and {loss.gamma_neg:g}"
        return f"asymmetric {gammas}, margin {loss.margin:g}", f"asymmetric {gammas}", "asymmetric", "ASL"
    if loss.pos_weight == 1:
        return "binary cross-entropy", "BCE"
    weight = "balanced" if loss.pos_weight == "balanced" else f"{TIMES} {loss.pos_weight:g}"
    return f"binary cross-entropy, positives {weight}", f"BCE {weight}", "BCE"


def _of_head(head: CosineHeadSpec | MlpHeadSpec | PrototypeHeadSpec | MlDecoderHeadSpec) -> tuple[str, ...]:
    if isinstance(head, MlDecoderHeadSpec):
        return f"ML-Decoder head, {head.queries} queries, {head.width} wide", "ML-Decoder head", "ML-Decoder"
    if isinstance(head, PrototypeHeadSpec):
        wide = f", {head.embed_dim} wide" if head.embed_dim else ""
        return f"prototypes of texts{wide}", "prototypes"
    if isinstance(head, MlpHeadSpec):
        return f"MLP head, {head.hidden} wide", f"MLP {head.hidden}", "MLP"
    plain = f"cosine head {TIMES} {head.scale:g}"
    begun = {"old_rows": "from the rows before", "class_means": "from class means", "random": ""}[head.start]
    return (*([f"{plain}, {begun}"] if begun else []), plain, f"cosine {TIMES} {head.scale:g}", "cosine")


def _of_weights(weights: InverseFrequencySpec | EffectiveNumberSpec) -> tuple[str, ...]:
    if isinstance(weights, EffectiveNumberSpec):
        return f"effective number \N{GREEK SMALL LETTER BETA} {weights.beta:g}", "effective number", "eff. no."
    return f"inverse frequency ^ {weights.power:g}", f"1 / n ^ {weights.power:g}"


def _of_average(swa: SwaSpec) -> tuple[str, ...]:
    every = "every epoch" if swa.every == 1 else f"every {swa.every} epochs"
    return f"SWA {every}, lr {rate(swa.lr)}", f"SWA {every}", every, "SWA"
