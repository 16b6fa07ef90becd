"""Candidate names as one tree of tokens: what names have in common at their beginning is read once.

Shapes: C candidates, T tokens of the longest of them with its end, N nodes, E edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.errors import InputError

Tokens = tuple[int, ...]

MOST = 5_000
"""Candidates that there may be; each is read for every picture."""
NODES = 1_024
"""Nodes of a tree that is read in one pass; what is looked at grows with their square."""


@dataclass(frozen=True)
class Trie:
    """The tree. Its root is the end of a prompt; a node is a token that something follows; an edge leads to a token.

    The token that ends a name is reached by an edge and is no node, for nothing follows it.
    """

    tokens: Tensor
    """(N,) int64 of each node, parents before their children."""
    kin: Tensor
    """(N, N) bool, whether the node of a row is that of the column, or comes after it on its path."""
    depths: Tensor
    """(N,) int64 nodes before each, from 0."""
    sources: Tensor
    """(E,) int64, ascending: where each edge begins, 0 = the root, n + 1 = node n."""
    nexts: Tensor
    """(E,) int64 token that each edge leads to."""
    paths: Tensor
    """(C, T) int64 edges of each candidate; E = none, behind its last."""

    def to(self, device: torch.device) -> "Trie":
        """The same on a device."""
        return Trie(**{name: tensor.to(device) for name, tensor in vars(self).items()})

    @property
    def lengths(self) -> Tensor:
        """(C,) int64 tokens of each candidate, its end included."""
        return (self.paths < len(self.nexts)).sum(dim=1)


def plant(candidates: Sequence[Sequence[int]], end: int) -> Trie:
    """The tree of some names.

    Every name ends by `end`, so that one that another begins with is a name of its own, and no two names overlap: the
    probabilities of all token sequences that end add up to 1, and those of the candidates to at most that.

    Args:
        candidates: (C) tokens of each name.
        end: Token that ends a name.
    """
    return grow([(*name, end) for name in candidates])


def grow(sequences: Sequence[Tokens]) -> Trie:
    """The tree of some sequences, each of one token or more; the last of each is an edge, and no node by itself."""
    nodes: dict[Tokens, int] = {(): -1}
    edges: dict[tuple[int, int], None] = {}
    walked: list[list[tuple[int, int]]] = []
    for whole in sequences:
        for reach in range(1, len(whole)):
            nodes.setdefault(whole[:reach], len(nodes) - 1)
        walked.append([(nodes[whole[:reach]] + 1, token) for reach, token in enumerate(whole)])
        edges |= dict.fromkeys(walked[-1])
    return _as_tensors(list(nodes)[1:], nodes, sorted(edges), walked)


def shares(candidates: Sequence[Sequence[int]], most: int = NODES) -> list[list[int]]:
    """Indices of the candidates in groups whose trees have about so many nodes at most; like beginnings together."""
    groups: list[list[int]] = [[]]
    nodes, before = 0, Tokens()
    for index in sorted(range(len(candidates)), key=lambda one: tuple(candidates[one])):
        name = tuple(candidates[index])
        new = len(name) - _common(before, name)
        if nodes + new > most and groups[-1]:
            groups.append([])
            nodes, new = 0, len(name)
        groups[-1].append(index)
        nodes, before = nodes + new, name
    return groups


def refuse_unscorable(names: Sequence[str], tokens: Sequence[Sequence[int]], special: frozenset[int]) -> None:
    """Refuse names that can't be told apart by their tokens, or are too many.

    Args:
        names: Of the candidates.
        tokens: Of each.
        special: Tokens with a meaning of their own, such as the one that ends a name.

    Raises:
        InputError: No candidate, too many, one without tokens or with a special one, or two with the same tokens.
    """
    where = "the classes"
    if not names:
        raise InputError("no candidates", where=where, expected="names to choose from")
    if len(names) > MOST:
        what, mend = f"{len(names)} candidates, each to be read for every picture", "use model.kind: image_text"
        raise InputError(what, where=where, expected=f"at most {MOST}", mend=mend)
    first: dict[Tokens, str] = {}
    for name, own in zip(names, tokens, strict=True):
        if not own:
            raise InputError(f"the name {name!r} has no tokens", where=where, expected="names the tokenizer can write")
        if special & {*own}:
            what = f"the name {name!r} holds a special token of the model, or letters that it has no token for"
            raise InputError(what, where=where)
        other = first.setdefault(tuple(own), name)
        if other is not name:
            what = f"{other!r} and {name!r} are the same tokens"
            raise InputError(what, where=where, expected="candidates that differ", mend="rename or merge one of them")


def _as_tensors(
    ordered: list[Tokens], nodes: dict[Tokens, int], edges: list[tuple[int, int]], walked: list[list[tuple[int, int]]]
) -> Trie:
    number = {edge: place for place, edge in enumerate(edges)}
    rows = [torch.tensor([number[edge] for edge in path]) for path in walked]
    return Trie(
        tokens=torch.tensor([node[-1] for node in ordered], dtype=torch.int64),
        kin=_kin([nodes[node[:-1]] for node in ordered]),
        depths=torch.tensor([len(node) - 1 for node in ordered], dtype=torch.int64),
        sources=torch.tensor([source for source, _ in edges]),
        nexts=torch.tensor([token for _, token in edges]),
        paths=torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=len(edges)),
    )


def _kin(parents: list[int]) -> Tensor:
    """(N, N) bool, of the node before each, -1 = the root; parents stand before their children."""
    found = torch.eye(len(parents), dtype=torch.bool)
    for node, parent in enumerate(parents):
        if parent >= 0:
            found[node] |= found[parent]
    return found


def _common(one: Tokens, other: Tokens) -> int:
    """Tokens that both begin with."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
