"""From outcomes to standings: the same samples, put in the same order, answered by each."""

from collections.abc import Mapping, Sequence

import numpy as np

from sfumato.comparison.measured import Answers, Outcome
from sfumato.metrics.classification import ScoreName
from sfumato.metrics.paired_ranking import rank
from sfumato.report.standings import Part, Standing, Standings


def standings(
    names: Sequence[str], outcomes: Mapping[str, Outcome], problems: Mapping[str, str], by: ScoreName
) -> tuple[Standings, ...]:
    """A table for each task.

    Args:
        names: All that take part, in the order given.
        outcomes: Of those that finished.
        problems: Why the others did not.
        by: What ranks.
    """
    tasks = tuple(dict.fromkeys(task for name in names if name in outcomes for task in outcomes[name].tasks))
    return tuple(_standings(task, names, outcomes, problems, by) for task in tasks or ("",))


def difference(one: Answers, other: Answers) -> str | None:
    """Why two can't be compared sample by sample; None = they can."""
    if one.classes != other.classes:
        odd = sorted(set(one.classes) ^ set(other.classes))
        return f"other classes: {odd[0]!r} is in one alone" if odd else "other classes: their order differs"
    odd_ids = set(one.ids) ^ set(other.ids)
    if odd_ids:
        return f"measured on other samples: {min(odd_ids)!r} is in one alone"
    truth = dict(zip(other.ids, other.truth.tolist(), strict=True))
    wrong = [name for name, class_ in zip(one.ids, one.truth.tolist(), strict=True) if truth[name] != class_]
    return f"other labels: {min(wrong)!r} has another class" if wrong else None


def shared_part(outcomes: Sequence[Outcome], task: str) -> Part:
    """What they are ranked on: the test part where all have one, else the val part."""
    return "test" if all((task, "test") in one.answers for one in outcomes) else "val"


def _standings(
    task: str, names: Sequence[str], outcomes: Mapping[str, Outcome], problems: Mapping[str, str], by: ScoreName
) -> Standings:
    there = [outcomes[name] for name in names if name in outcomes]
    part = shared_part(there, task)
    answers = {name: one for name in names if name in outcomes and (one := outcomes[name].answers.get((task, part)))}
    first, reference = next(iter(answers.items()), ("", None))
    unlike = {
        name: f"not ranked beside {first}: {why}"
        for name, one in answers.items()
        if reference and (why := difference(one, reference))
    }
    alike = {name: one for name, one in answers.items() if name not in unlike}
    reasons = {**{name: f"has no {part} part" for name in outcomes if name not in answers}, **unlike, **problems}
    rows = _rows(task, alike, outcomes, by)
    others = [_unranked(task, part, name, reasons[name], outcomes.get(name)) for name in names if name not in alike]
    groups = None if reference is None or reference.groups is None else len(np.unique(reference.groups))
    return Standings(task, by, part, len(reference.ids) if reference else 0, groups, (*rows, *others))


def _rows(task: str, alike: Mapping[str, Answers], outcomes: Mapping[str, Outcome], by: ScoreName) -> list[Standing]:
    """The ranked ones."""
    if not alike:
        return []
    reference = next(iter(alike.values()))
    said = {name: _in_order_of(reference, one) for name, one in alike.items()}
    return [
        Standing(
            place.name,
            number,
            None,
            alike[place.name].scores,
            _selection(outcomes[place.name], task),
            place.against,
            outcomes[place.name].took,
        )
        for number, place in enumerate(rank(reference.truth, said, by, reference.groups), start=1)
    ]


def _unranked(task: str, part: Part, name: str, why: str, outcome: Outcome | None) -> Standing:
    """One that is shown with what is known of it."""
    if outcome is None:
        return Standing(name, problem=why)
    own = outcome.answers.get((task, part))
    return Standing(name, None, why, own.scores if own else {}, _selection(outcome, task), None, outcome.took)


def _selection(outcome: Outcome, task: str) -> dict[str, float]:
    own = outcome.answers.get((task, "val"))
    return {name: found.value for name, found in own.scores.items()} if own else {}


def _in_order_of(reference: Answers, one: Answers) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    place = {name: index for index, name in enumerate(one.ids)}
    return one.predicted[[place[name] for name in reference.ids]]
