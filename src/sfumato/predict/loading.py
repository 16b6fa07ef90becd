"""Loading whatever decides: the bundle of one run, an ensemble, or a cascade."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sfumato.bundle.cascade import is_cascade
from sfumato.errors import InputError
from sfumato.predict.cascade import CascadePredictor, load_cascade
from sfumato.predict.inference_engine import EngineName
from sfumato.predict.predictor import Predictor
from sfumato.predict.predictor import load as load_single

AnyPredictor = Predictor | CascadePredictor


def load(
    path: str | Path,
    device: str | None = None,
    engine: EngineName = "auto",
    texts: Mapping[str, Sequence[str]] | None = None,
    labels: str | Path | None = None,
    *,
    gate: bool = True,
) -> AnyPredictor:
    """Load a bundle (or the folder of what made it) and let it check itself. No code of the bundle is run.

    Args:
        path: The folder.
        device: A torch device; None = CUDA, else MPS, else CPU.
        engine: What computes: `torch`, or ONNX Runtime where the bundle holds graphs; see `EngineName`.
        texts: Class -> its texts, to be answered with instead of those of training; only of a dual encoder, whose
            decision then has nothing that was fitted.
        labels: A label file whose classes are answered with, new ones too; only of a dual encoder, not beside `texts`.
        gate: Of a cascade. False = every picture goes on, and the gate does not look at any.

    Raises:
        InputError: No bundle there, one from a later version, changed, damaged, or one that computes something else;
            no such device; an option that means nothing for it.
    """
    if is_cascade(Path(path)):
        if texts is not None or labels is not None:
            raise InputError("other classes", where=str(path), expected="a dual encoder, and not a cascade")
        return load_cascade(path, device, engine, gate=gate)
    if not gate:
        raise InputError("no gate to leave out", where=str(path), expected="a cascade")
    return load_single(path, device, engine, texts, labels)
