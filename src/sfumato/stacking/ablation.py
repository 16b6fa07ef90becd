"""What pictures, texts and both are worth to a stack, from what its experts say out of fold; nothing is run again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.console import Console
from sfumato.ensembles.fusing import fit_tables
from sfumato.ensembles.joined import Joined
from sfumato.ensembles.member import Member, read_member
from sfumato.ensembles.member_tables import read_tables
from sfumato.metrics.ablation import Ablation, ablate
from sfumato.predict.senses import senses
from sfumato.recipe.experts import Experts, FusionSpec

Integers = NDArray[np.int64]
NOTE = (
    "Out of fold, by the same folds for all; what fuses several experts is fitted without the samples it answers for."
    " The experts' epochs and temperatures were chosen on these samples, for each alike: the figures are optimistic,"
    " the differences less so."
)


def measure(experts: Experts, folders: Mapping[str, Path]) -> Ablation:
    """Answers of each expert, of those that look at pictures alone or read texts alone, and of all.

    Args:
        experts: Their recipes.
        folders: Name of an expert -> its cross-validation.
    """
    members = [read_member(folder) for folder in folders.values()]
    joined = read_tables(members, experts.fusion.kind, Console(quiet=True), fits=True).fitting
    assert joined is not None  # every expert has predictions out of fold
    known = joined.samples.known()
    groups = None if joined.samples.groups is None else joined.samples.groups[known]
    each = {who: answers[known] for who, answers in _answers(joined, list(folders), members, experts.fusion).items()}
    whole = each.pop("")
    truth = cast(Integers, joined.samples.so(known))
    return ablate(truth, whole, each, len(joined.samples.labels), NOTE + _lacking(joined, list(folders)), groups)


def _answers(
    joined: Joined, names: Sequence[str], members: Sequence[Member], fusion: FusionSpec
) -> dict[str, Integers]:
    """What is gone by -> (N,) answers; "" = everything."""
    whole = fit_tables(fusion.kind, joined, sharing=fusion.weights).fused
    found = {
        _words(name, member): cast(Integers, said)
        for name, member, said in zip(names, members, whole.answers, strict=True)
    }
    for words, places in _together(members).items():
        part = replace(joined, said=tuple(joined.said[place] for place in places))
        found[words] = fit_tables(fusion.kind, part, sharing=fusion.weights).fused.logits.argmax(axis=1)
    return {**found, "": whole.logits.argmax(axis=1)}


def _words(name: str, member: Member) -> str:
    """An expert with what it looks at."""
    sees = senses(member.bundle)
    return f"{name} ({'both' if sees.pictures and sees.texts else 'picture' if sees.pictures else 'text'})"


def _together(members: Sequence[Member]) -> dict[str, list[int]]:
    """Experts of the same kind, where there are several and others beside them."""
    sees = [senses(one.bundle) for one in members]
    groups = {
        "all experts of texts": [place for place, one in enumerate(sees) if not one.pictures],
        "all experts of pictures": [place for place, one in enumerate(sees) if not one.texts],
    }
    return {words: places for words, places in groups.items() if 1 < len(places) < len(members)}


def _lacking(joined: Joined, names: Sequence[str]) -> str:
    """How many samples each expert could not look at, in words; nothing where all could."""
    counts = {
        name: 0 if one.rows is None else int((one.rows < 0).sum()) for name, one in zip(names, joined.said, strict=True)
    }
    said = [f"{name} of {count}" for name, count in counts.items() if count]
    return (
        f" Of samples that an expert can't look at it names the most frequent class: {', '.join(said)}." if said else ""
    )
