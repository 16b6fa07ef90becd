"""The results of `decisions.py` as Markdown, and what helped in words."""

from collections.abc import Callable, Iterator, Mapping

from decision_claims import Claim, Decided, band, class_coverages, tail
from sfumato.metrics.intervals import Interval

Cell = Callable[[Decided, str], str]
RAREST = 3


def document(name: str, about: str, tables: Mapping[str, list[Decided]], claims: list[Claim]) -> str:
    """A section: what it is of, its tables, what helped, what was asserted."""
    plain = tables["calibration"][0]
    sizes = ", ".join(f"{part} {results.samples:,}" for part, results in plain.results.items())
    lines = [f"\n## {name}\n", f"{about} {plain.validated:,} validation images; {sizes}."]
    lines += ["", *_helped(tables)]
    for title, (what, columns) in TABLES.items():
        for part in plain.results:
            lines += [f"\n### {what}: {part}\n", *_table(tables[title], part, columns)]
    lines += [
        "\n### Asserted\n",
        *(f"- {'holds' if claim.holds else 'DOES NOT HOLD'}: {claim.text}" for claim in claims),
    ]
    return "\n".join(lines) + "\n"


def _table(rows: list[Decided], part: str, columns: Mapping[str, Cell]) -> Iterator[str]:
    yield f"| decision | {' | '.join(columns)} |"
    yield "| --- |" + " --- |" * len(columns)
    for row in rows:
        yield f"| {row.name} | {' | '.join(cell(row, part) for cell in columns.values())} |"


def _score(name: str, *, percent: bool = False, signed: bool = False) -> Cell:
    def cell(row: Decided, part: str) -> str:
        return _interval(row.score(name, part), percent=percent, signed=signed)

    return cell


def _interval(found: Interval | None, *, percent: bool = False, signed: bool = False) -> str:
    if found is None:
        return ""
    form = ("{:+" if signed else "{:") + (".1f}" if percent else ".3f}")
    value, low, high = (form.format(100 * one if percent else one) for one in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _wrong(row: Decided, part: str) -> str:
    right = row.score("accuracy_answered", part) or row.score("accuracy", part)
    return "" if right is None else _interval(Interval(1 - right.value, 1 - right.high, 1 - right.low), percent=True)


def _promised_error(row: Decided, _: str) -> str:
    abstention = row.policy.abstention
    if abstention is None or abstention.error is None:
        return ""
    if abstention.bound is None:
        return f"{100 * abstention.error:.1f} on validation"
    kept = "" if abstention.reached else "; what was asked is out of reach"
    return f"at most {100 * abstention.bound:.1f}{kept}"


def _threshold(row: Decided, _: str) -> str:
    abstention = row.policy.abstention
    return "" if abstention is None else f"{abstention.by} {abstention.threshold:.3f}"


def _answered(row: Decided, part: str) -> str:
    return _interval(row.score("coverage", part), percent=True) or "100"


def _chance(row: Decided, part: str) -> str:
    """The least that chance leaves to the coverage of sets; not of a part where nothing is promised."""
    sets = row.policy.sets
    if sets is None or part != row.like or set(sets.scopes) != {"all"}:
        return ""
    return f"{100 * band(row, sets.alpha)[0]:.1f}"


def _empty(row: Decided, part: str) -> str:
    sets = row.policy.apply(row.said[part].logits).sets
    return "" if sets is None else f"{100 * (~sets.any(axis=1)).mean():.1f}"


def _rare(row: Decided, part: str) -> str:
    results = row.results[part]
    rows = [results.classes[index] for index in tail(results, min(RAREST, len(results.classes) - 1))]
    found = ((one.name, one.set_coverage, one.set_size) for one in rows)
    return "; ".join(f"{name} {100 * held.value:.0f} ({size.value:.2f})" for name, held, size in found if held and size)


def _gain(score: str) -> Cell:
    def cell(row: Decided, part: str) -> str:
        return _interval(row.gain(score, part), percent=True, signed=True)

    return cell


def _tail_recall(row: Decided, part: str) -> str:
    results = row.results[part]
    rows = [results.classes[index] for index in tail(results, min(RAREST, len(results.classes) - 1))]
    return "; ".join(f"{one.name} {100 * one.recall:.0f}" for one in rows)


TABLES: dict[str, tuple[str, dict[str, Cell]]] = {
    "calibration": (
        "Calibration",
        {
            "accuracy, %": _score("accuracy", percent=True),
            "macro-F1": _score("macro_f1"),
            "log loss": _score("nll"),
            "change": _score("nll_change", signed=True),
            "Brier": _score("brier"),
            "ECE, equal width": _score("ece"),
            "ECE, equal mass": _score("ece_equal_mass"),
            "ECE, class-wise": _score("classwise_ece"),
        },
    ),
    "abstention": (
        "Rather no answer",
        {
            "answers from": _threshold,
            "wrong answers promised, %": _promised_error,
            "answered, %": _answered,
            "wrong among them, %": _wrong,
            "AURC": _score("aurc"),
        },
    ),
    "sets": (
        "Sets",
        {
            "hold the truth, %": _score("set_coverage", percent=True),
            "no less by chance (99 %)": _chance,
            "classes": _score("set_size"),
            "empty, %": _empty,
            "rarest: held, % (classes)": _rare,
        },
    ),
    "answers": (
        "Other answers",
        {
            "accuracy, %": _score("accuracy", percent=True),
            "gain": _gain("accuracy"),
            "macro-F1": _score("macro_f1"),
            "gain in it, %": _gain("macro_f1"),
            "rarest: recall, %": _tail_recall,
            "log loss": _score("nll"),
            "cost": _score("cost"),
            "had it named the likeliest": _score("cost_before"),
        },
    ),
    "all at once": (
        "All at once",
        {
            "accuracy, %": _score("accuracy", percent=True),
            "macro-F1": _score("macro_f1"),
            "log loss before": _score("nll_before"),
            "after": _score("nll"),
            "answered, %": _answered,
            "wrong among them, %": _wrong,
            "sets hold the truth, %": _score("set_coverage", percent=True),
            "classes": _score("set_size"),
        },
    ),
}
"""Key of the settings -> title and columns."""


def _helped(tables: Mapping[str, list[Decided]]) -> Iterator[str]:
    """What the figures show, part by part, and no more than that."""
    for part in tables["calibration"][0].results:
        yield from _calibration_words(tables["calibration"], part)
        yield from _set_words(tables["sets"], part)


def _calibration_words(rows: list[Decided], part: str) -> Iterator[str]:
    fitted = [(row.name, row.score("nll_change", part)) for row in rows if row.policy.calibrator.fitted]
    helped = [name for name, change in fitted if change is not None and change.high < 0]
    hurt = [name for name, change in fitted if change is not None and change.low > 0]
    unfitted = [row.name for row in rows if not row.policy.calibrator.fitted and row.name != "none"]
    yield f"- Log loss ({part}): shown to fall by {_named(helped)}; to rise by {_named(hurt)}."
    if unfitted:
        yield f"- Not fitted, for want of validation images: {_named(unfitted)}."


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
    return ", ".join(names) or "none"
