"""From outcomes to standings: the same samples, put in the same order, answered by each."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.comparison.measured import Answers, Outcome
from sfumato.errors import InputError
from sfumato.metrics.classification import SCORES, ScoreName
from sfumato.metrics.label_scores import LABEL_SCORES, AnyScoreName, LabelScoreName
from sfumato.metrics.paired_labels import LabelAnswers
from sfumato.metrics.paired_ranking import Ranked, rank, rank_labels
from sfumato.report.standings import Part, Standing, Standings


def standings(
    names: Sequence[str], outcomes: Mapping[str, Outcome], problems: Mapping[str, str], by: AnyScoreName | None
) -> tuple[Standings, ...]:
    """A table for each task.

    Args:
        names: All that take part, in the order given.
        outcomes: Of those that finished.
        problems: Why the others did not.
        by: What ranks; None = accuracy, or map where an image may be of several classes.

    Raises:
        InputError: A score that there is not of so many classes an image.
    """
    tasks = tuple(dict.fromkeys(task for name in names if name in outcomes for task in outcomes[name].tasks))
    return tuple(_standings(task, names, outcomes, problems, by) for task in tasks or ("",))


def difference(one: Answers, other: Answers) -> str | None:
    """Why two can't be compared sample by sample; None = they can."""
    if one.multilabel != other.multilabel:
        many, single = "several classes an image", "one class an image"
        return f"{many}, not {single}" if one.multilabel else f"{single}, not {many}"
    if one.classes != other.classes:
        odd = sorted(set(one.classes) ^ set(other.classes))
        return f"other classes: {odd[0]!r} is in one alone" if odd else "other classes: their order differs"
    odd_ids = set(one.ids) ^ set(other.ids)
    if odd_ids:
        return f"measured on other samples: {min(odd_ids)!r} is in one alone"
    truth = dict(zip(other.ids, other.truth.tolist(), strict=True))
    wrong = [name for name, class_ in zip(one.ids, one.truth.tolist(), strict=True) if truth[name] != class_]
    return f"other labels: {min(wrong)!r} has another class" if wrong else None


def chosen_score(by: AnyScoreName | None, *, multilabel: bool) -> AnyScoreName:
    """The score that ranks, where `by` leaves it open.

    Raises:
        InputError: A score that there is not of so many classes an image.
    """
    there = LABEL_SCORES if multilabel else tuple(SCORES)
    if by is not None and by not in there:
        what = f"{by}, and an image {'may be of several classes' if multilabel else 'is of one class'} here"
        raise InputError(what, where="--by", expected=", ".join(there))
    return by or ("map" if multilabel else "accuracy")


def shared_part(outcomes: Sequence[Outcome], task: str) -> Part:
    """What they are ranked on: the test part where all have one, else the val part."""
    return "test" if all((task, "test") in one.answers for one in outcomes) else "val"


def _standings(
    task: str,
    names: Sequence[str],
    outcomes: Mapping[str, Outcome],
    problems: Mapping[str, str],
    by: AnyScoreName | None,
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
    several = by in LABEL_SCORES and by not in SCORES if reference is None else reference.multilabel
    score = chosen_score(by, multilabel=several)
    rows = _rows(task, alike, outcomes, score)
    others = [_unranked(task, part, name, reasons[name], outcomes.get(name)) for name in names if name not in alike]
    groups = None if reference is None or reference.groups is None else len(np.unique(reference.groups))
    samples = len(reference.ids) if reference else 0
    return Standings(task, score, part, samples, groups, (*rows, *others), several)


def _rows(task: str, alike: Mapping[str, Answers], outcomes: Mapping[str, Outcome], by: AnyScoreName) -> list[Standing]:
    """The ranked ones."""
    if not alike:
        return []
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
        for number, place in enumerate(_ranked(alike, by), start=1)
    ]


def _ranked(alike: Mapping[str, Answers], by: AnyScoreName) -> tuple[Ranked, ...]:
    reference = next(iter(alike.values()))
    said = {name: _in_order_of(reference, one) for name, one in alike.items()}
    labels = {name: one for name, one in said.items() if isinstance(one, LabelAnswers)}
    if labels:
        return rank_labels(reference.truth, labels, cast(LabelScoreName, by), reference.groups)
    classes = {name: one for name, one in said.items() if not isinstance(one, LabelAnswers)}
    return rank(reference.truth.astype(np.int64), classes, cast(ScoreName, by), reference.groups)


def _unranked(task: str, part: Part, name: str, why: str, outcome: Outcome | None) -> Standing:
    """One that is shown with what is known of it."""
    if outcome is None:
        return Standing(name, problem=why)
    own = outcome.answers.get((task, part))
    return Standing(name, None, why, own.scores if own else {}, _selection(outcome, task), None, outcome.took)


def _selection(outcome: Outcome, task: str) -> dict[str, float]:
    own = outcome.answers.get((task, "val"))
    return {name: found.value for name, found in own.scores.items()} if own else {}


def _in_order_of(reference: Answers, one: Answers) -> NDArray[np.int64] | LabelAnswers:
    place = {name: index for index, name in enumerate(one.ids)}
    rows = np.array([place[name] for name in reference.ids], dtype=np.int64)
    if isinstance(one.said, LabelAnswers):
        return LabelAnswers(one.said.scores[rows], one.said.named[rows])
    return one.said[rows]
