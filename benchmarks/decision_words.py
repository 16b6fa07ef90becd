"""What the tables of `decisions.py` show, in words: part by part, and no more than that."""

from collections.abc import Iterator, Mapping

from decision_claims import Decided, band, class_coverages


def helped(tables: Mapping[str, list[Decided]]) -> Iterator[str]:
    """A line a finding."""
    for part in tables["calibration"][0].results:
        yield from _calibration_words(tables["calibration"], part)
        yield from _abstention_words(tables["abstention"], part)
        yield from _set_words(tables["sets"], part)
        yield from _answer_words([*tables["thresholds"], *tables["answers"]], part)


def _calibration_words(rows: list[Decided], part: str) -> Iterator[str]:
    fitted = [(row.name, row.score("nll_change", part)) for row in rows if row.policy.calibrator.fitted]
    helped = [name for name, change in fitted if change is not None and change.high < 0]
    hurt = [name for name, change in fitted if change is not None and change.low > 0]
    unfitted = [row.name for row in rows if not row.policy.calibrator.fitted and row.name != "none"]
    yield f"- Log loss ({part}): shown to fall by {_named(helped)}; to rise by {_named(hurt)}."
    if unfitted:
        yield f"- Not fitted, for want of validation images: {_named(unfitted)}."


def _abstention_words(rows: list[Decided], part: str) -> Iterator[str]:
    promised = [(row.name, row.policy.abstention, row.score("accuracy_answered", part)) for row in rows]
    bounded = [(name, of.bound, right) for name, of, right in promised if of and of.bound is not None and right]
    broken = [name for name, bound, right in bounded if 1 - right.high > bound]
    yield f"- Answers ({part}): more are wrong than promised, by more than chance, with {_named(broken)}."


def _answer_words(rows: list[Decided], part: str) -> Iterator[str]:
    for name, title in (("accuracy", "Accuracy"), ("macro_f1", "Macro-F1")):
        gains = [(row.name, row.gain(name, part)) for row in rows]
        rise, fall = [n for n, gain in gains if gain.low > 0], [n for n, gain in gains if gain.high < 0]
        yield f"- {title} ({part}): shown to rise by {_named(rise)}; to fall by {_named(fall)}."
    changes = [(row.name, row.score("cost_change", part)) for row in rows]
    cheaper = [name for name, change in changes if change is not None and change.high < 0]
    yield f"- Cost ({part}): shown to fall by {_named(cheaper)}."


def _set_words(rows: list[Decided], part: str) -> Iterator[str]:
    broken = [row.name for row in rows if _broken(row, part)]
    yield f"- Sets ({part}): fewer hold the truth than promised, by more than chance, with {_named(broken)}."


def _broken(row: Decided, part: str) -> bool:
    sets, held = row.policy.sets, row.score("set_coverage", part)
    if sets is None or held is None:
        return False
    if "class" in sets.scopes:
        return any(share < low for _, share, low in class_coverages(row, row.results[part]))
    return held.value < band(row, sets.alpha, row.results[part].samples)[0]


def _named(names: list[str]) -> str:
    return "; ".join(f"“{name}”" for name in names) or "none"
