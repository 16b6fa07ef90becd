"""Element words in the texts of samples, from a cross-validation that had not trained on them."""

from collections.abc import Iterator
from pathlib import Path

from sfumato.bundle.folder import read_bundle
from sfumato.data.elements import ElementsSpec
from sfumato.data.table import Table
from sfumato.decision.multilabel_policy import MultilabelPolicy, MultilabelVerdicts
from sfumato.decision.named_elements import element_words, with_words
from sfumato.decision.policies import policies_from_dict
from sfumato.element_words import refuse_name
from sfumato.errors import InputError
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predictions import class_names

SETTING = "data.elements.run"


def with_elements(table: Table, spec: ElementsSpec | None) -> Table:
    """The same samples, their elements standing before what else is written of them.

    Of samples without an answer, which are left out anyway, nothing need have been said.

    Raises:
        InputError: No such cross-validation, one of another kind, or labelled samples that it has said nothing of.
    """
    if spec is None:
        return table
    said = _words(Path(spec.run), spec.sure)
    lacking = [id_ for id_ in table.answered.ids if id_ not in said]
    if lacking:
        what = f"says nothing of {len(lacking)} of {len(table)} samples, such as {lacking[0]!r}"
        expected = "a cross-validation over the same samples"
        raise InputError(what, where=spec.run, setting=SETTING, expected=expected)
    texts = table.rows["text"].fill_null("").to_list()
    whole = [with_words(said.get(id_, ""), text) for id_, text in zip(table.ids, texts, strict=True)]
    return table.with_texts(whole)


def known_elements(spec: ElementsSpec | None) -> tuple[str, ...] | None:
    """The elements that may stand in the texts; None where there are none, or their run is no longer where it was."""
    table = None if spec is None else Path(spec.run) / "predictions" / "oof.parquet"
    return class_names(table) if table is not None and table.is_file() else None


def _words(run: Path, sure: float) -> dict[str, str]:
    """Sample -> its elements in words."""
    found: dict[str, str] = {}
    for table, said in found_by(run):
        words = element_words(tuple(table.labels.names), said.named, said.probabilities, sure)
        found |= dict(zip(table.ids, words, strict=True))
    return found


def found_by(run: Path) -> Iterator[tuple[MultilabelPredictions, MultilabelVerdicts]]:
    """What a cross-validation says of samples: of those held out the fold that did, of test samples all folds.

    Raises:
        InputError: No such cross-validation, one of another kind, or names that can't be written as elements.
    """
    tables = [run / "predictions" / f"{part}.parquet" for part in ("oof", "test")]
    if not tables[0].is_file() or not (run / "bundle").is_dir():
        expected = "the folder of a finished cross-validation of several classes a picture"
        raise InputError("no predictions out of fold", where=str(run), setting=SETTING, expected=expected)
    bundle = read_bundle(run / "bundle")
    if not bundle.tasks.multilabel:
        what = "names one class a picture"
        raise InputError(what, where=str(run), setting=SETTING, expected="one of several classes a picture")
    (policy,) = policies_from_dict(bundle.policy, bundle.tasks, str(run)).values()
    assert isinstance(policy, MultilabelPolicy)
    for path in tables:
        if path.is_file():
            table = MultilabelPredictions.read(path)
            _refuse_names(table, run)
            yield table, policy.apply(table.logits)


def _refuse_names(table: MultilabelPredictions, run: Path) -> None:
    for name in table.labels.names:
        if (why := refuse_name(name)) is not None:
            raise InputError(f"the element {name!r} {why}", where=str(run), setting=SETTING)
