"""A bundle loaded to answer with its own classes or with others, and what to know of the others."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfumato.console import Console
    from sfumato.predict.inference_engine import EngineName
    from sfumato.predict.loading import AnyPredictor


def loaded(
    bundle: str,
    engine: "EngineName",
    texts: Path | None,
    labels: Path | None,
    console: "Console",
    *,
    gate: bool = True,
) -> "AnyPredictor":
    """The predictor; what is not as in training is said."""
    from sfumato.bundle.cascade import is_cascade
    from sfumato.predict.loading import load

    if texts is None and labels is None:
        return load(bundle, engine=engine, gate=gate)
    given = None if texts is None or is_cascade(Path(bundle)) else _read(bundle, texts, console)
    predictor = load(bundle, engine=engine, texts=given, labels=labels, gate=gate)
    _warn(_lending(predictor, bundle), console)
    return predictor


def _read(bundle: str, file: Path, console: "Console") -> dict[str, tuple[str, ...]]:
    """The classes of a file of texts."""
    from sfumato.bundle.ensemble import read_any
    from sfumato.models.class_text_file import read_class_texts
    from sfumato.models.class_texts import checked
    from sfumato.predict.new_texts import stored_texts, unlike_trained

    found, read = checked(read_class_texts(file), str(file)), read_any(Path(bundle))
    _warn(unlike_trained(found, stored_texts(read, bundle), multilabel=read.tasks.multilabel), console)
    return found


def _lending(predictor: "AnyPredictor", bundle: str) -> list[str]:
    """From which classes each new one borrows."""
    from sfumato.bundle.ensemble import read_any
    from sfumato.decision.borrowed import BorrowedPolicy
    from sfumato.predict.open_vocabulary import lending_lines

    policy = predictor.policies.get("")
    if not isinstance(policy, BorrowedPolicy):
        return []
    return lending_lines(policy, predictor.labels.names, read_any(Path(bundle)).tasks.labels.names)


def _warn(lines: Iterable[str], console: "Console") -> None:
    from sfumato.training.records import Noted

    for line in lines:
        console.note(Noted(line, warning=True))
