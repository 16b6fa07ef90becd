"""Writing a name token by token, where only the candidates' tokens may follow.

Beam search keeps the likeliest beginnings, so it can drop that of the likeliest name; with a beam as wide as there are
names it can't. Scoring all of them at once finds the same name in one pass.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch

from sfumato.models.vlm.scoring import Prompts, log_likelihoods
from sfumato.models.vlm.trie import Tokens, grow


@torch.no_grad()
def write_name(
    network: Any, prompt: Prompts, candidates: Sequence[Sequence[int]], end: int, width: int
) -> tuple[int, float]:
    """Index of the candidate that is written, and its log-likelihood, nats.

    Args:
        network: As for `log_likelihoods`.
        prompt: A single one.
        candidates: (C) tokens of each name.
        end: Token that ends a name.
        width: Beginnings that are kept; 1 = greedy.
    """
    names: list[Tokens] = [(*name, end) for name in candidates]
    kept: dict[Tokens, float] = {(): 0.0}
    for length in range(1, max(map(len, names)) + 1):
        finished = {sequence: score for sequence, score in kept.items() if len(sequence) < length and sequence in names}
        longer = list(dict.fromkeys(n[:length] for n in names if len(n) >= length and n[: length - 1] in kept))
        scores = _scores(network, prompt, longer)
        ranked = sorted((finished | scores).items(), key=lambda pair: pair[1], reverse=True)
        kept = dict(ranked[:width])
    best = max(kept, key=lambda sequence: kept[sequence])
    return names.index(best), kept[best]


def _scores(network: Any, prompt: Prompts, sequences: list[Tokens]) -> dict[Tokens, float]:
    """The log-likelihood of each sequence."""
    if not sequences:
        return {}
    found = log_likelihoods(network, prompt, grow(sequences).to(prompt.ids.device))[1]
    return dict(zip(sequences, cast(list[float], found[0].tolist()), strict=True))
