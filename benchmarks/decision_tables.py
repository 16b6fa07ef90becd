"""The results of `decisions.py` as Markdown."""

from collections.abc import Iterator, Mapping

from decision_cells import (
    Cell,
    answered,
    answers_from,
    chance,
    empty,
    found_of_class,
    gain,
    named_rightly,
    promised_error,
    rare_sets,
    score,
    sure_from,
    tail_recall,
    wrong,
)
from decision_claims import Claim, Decided
from decision_words import helped


def document(name: str, about: str, tables: Mapping[str, list[Decided]], claims: list[Claim]) -> str:
    """A section: what it is of, its tables, what helped, what was asserted."""
    plain = tables["calibration"][0]
    sizes = ", ".join(f"{part} {results.samples:,}" for part, results in plain.results.items())
    lines = [f"\n## {name}\n", f"{about} {plain.validated:,} validation images; {sizes}."]
    lines += ["", *helped(tables)]
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


TABLES: dict[str, tuple[str, dict[str, Cell]]] = {
    "calibration": (
        "Calibration",
        {
            "accuracy, %": score("accuracy", percent=True),
            "macro-F1": score("macro_f1"),
            "log loss": score("nll"),
            "change": score("nll_change", signed=True),
            "Brier": score("brier"),
            "ECE, equal width": score("ece"),
            "ECE, equal mass": score("ece_equal_mass"),
            "ECE, class-wise": score("classwise_ece"),
        },
    ),
    "abstention": (
        "Rather no answer",
        {
            "answers from": sure_from,
            "wrong answers promised, %": promised_error,
            "answered, %": answered,
            "wrong among them, %": wrong,
            "AURC": score("aurc"),
        },
    ),
    "sets": (
        "Sets",
        {
            "hold the truth, %": score("set_coverage", percent=True),
            "no less by chance (99 %)": chance,
            "classes": score("set_size"),
            "empty, %": empty,
            "rarest: held, % (classes)": rare_sets,
        },
    ),
    "thresholds": (
        "Thresholds",
        {
            "from": answers_from,
            "answers that are right, %": named_rightly,
            "found of the class, %": found_of_class,
            "accuracy, %": score("accuracy", percent=True),
            "macro-F1": score("macro_f1"),
            "answered, %": answered,
            "wrong among them, %": wrong,
        },
    ),
    "answers": (
        "Other answers",
        {
            "accuracy, %": score("accuracy", percent=True),
            "gain": gain("accuracy"),
            "macro-F1": score("macro_f1"),
            "gain in it, %": gain("macro_f1"),
            "rarest: recall, %": tail_recall,
            "log loss": score("nll"),
            "cost": score("cost"),
            "had it named the likeliest": score("cost_before"),
        },
    ),
    "all at once": (
        "All at once",
        {
            "accuracy, %": score("accuracy", percent=True),
            "macro-F1": score("macro_f1"),
            "log loss before": score("nll_before"),
            "after": score("nll"),
            "answered, %": answered,
            "wrong among them, %": wrong,
            "sets hold the truth, %": score("set_coverage", percent=True),
            "classes": score("set_size"),
        },
    ),
}
"""Key of the settings -> title and columns."""
