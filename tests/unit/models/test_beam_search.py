"""Writing classes one after another: the beam against every sequence there is, written down."""

import math
from itertools import permutations

import pytest
import torch

from sfumato.models.cnn_rnn.beam_search import marginals, search
from sfumato.models.cnn_rnn.decoder import Decoder, log_shares
from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec

FEATURES = 6


def decoder(classes=4, **settings) -> Decoder:
    torch.manual_seed(4)
    made = Decoder(DecoderSpec(hidden=8, embedding=5, **settings), FEATURES, classes).eval()
    for parameter in made.parameters():  # far from even, so that sequences differ in probability
        torch.nn.init.normal_(parameter, std=1.2)
    return made


def features(count=3) -> torch.Tensor:
    torch.manual_seed(5)
    return torch.randn(count, FEATURES)


@torch.no_grad()
def probability(made: Decoder, picture: torch.Tensor, sequence: tuple[int, ...]) -> float:
    """By the chain rule, of one picture, a token at a time."""
    state, named, log_p = made.start(1, picture), torch.zeros(1, made.classes, dtype=torch.bool), 0.0
    for last, token in zip((made.begin, *sequence), (*sequence, made.end), strict=True):
        scores, state = made.step(torch.tensor([last]), picture[None], state)
        full = named.clone() if named.sum() < made.longest else torch.ones_like(named)
        log_p += float(log_shares(scores, full)[0, token])
        if token != made.end:
            named[0, token] = True
    return math.exp(log_p)


@torch.no_grad()
def enumerated(made: Decoder, picture: torch.Tensor) -> dict[tuple[int, ...], float]:
    every = [s for length in range(made.longest + 1) for s in permutations(range(made.classes), length)]
    return {sequence: probability(made, picture, sequence) for sequence in every}


def sequences(found, row: int, classes: int) -> list[tuple[int, ...]]:
    return [tuple(t for t in tokens if t < classes) for tokens in found.tokens[row].tolist()]


CASES = [
    {"fusion": "input"},
    {"fusion": "output"},
    {"cell": "lstm", "layers": 1},
    {"cell": "lstm", "fusion": "output", "longest": 2},
    {"classes": 3, "longest": 1},
]


@pytest.mark.parametrize("settings", CASES)
def test_at_full_width_it_is_the_enumeration(settings):
    made, pictures = decoder(**settings), features()
    every = [enumerated(made, picture) for picture in pictures]
    found = search(made, pictures, len(every[0]))
    shares = marginals(found, made.classes)
    for row, expected in enumerate(every):
        assert sum(expected.values()) == pytest.approx(1, abs=1e-5)
        assert float(found.log_p[row].exp().sum()) == pytest.approx(1, abs=1e-5)
        ranked = sorted(expected, key=lambda sequence: -expected[sequence])
        assert sequences(found, row, made.classes) == ranked
        assert found.log_p[row].exp().tolist() == pytest.approx([expected[s] for s in ranked], rel=1e-4)
        exact = [sum(p for s, p in expected.items() if c in s) for c in range(made.classes)]
        assert shares[row].tolist() == pytest.approx(exact, abs=1e-5)


def test_as_many_paths_as_there_are_orders_find_the_likeliest_of_all():
    made, pictures = decoder(), features()
    found = search(made, pictures, math.factorial(4))
    for row, picture in enumerate(pictures):
        expected = enumerated(made, picture)
        assert sequences(found, row, 4) == sorted(expected, key=lambda s: -expected[s])[: math.factorial(4)]


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_narrow_beam_tells_true_probabilities_and_never_a_class_twice(width):
    made, pictures = decoder(6), features(8)
    found = search(made, pictures, width)
    for row, picture in enumerate(pictures):
        said = [s for s, p in zip(sequences(found, row, 6), found.log_p[row].tolist(), strict=True) if p > -math.inf]
        assert len(set(said)) == len(said) >= 1
        assert all(len(set(sequence)) == len(sequence) for sequence in said)
        true = [probability(made, picture, sequence) for sequence in said]
        assert found.log_p[row, : len(said)].exp().tolist() == pytest.approx(true, rel=1e-4)
        assert true == sorted(true, reverse=True)


def test_it_stops_where_going_on_changes_nothing(monkeypatch):
    made, pictures = decoder(), features()
    with torch.no_grad():
        made.out.bias[made.end] += 30
    steps = []
    step = made.step
    monkeypatch.setattr(made, "step", lambda *given: steps.append(1) or step(*given))
    found = search(made, pictures, 1)
    assert sequences(found, 0, 4) == [()]
    assert len(steps) == 1


def test_a_picture_is_told_the_same_beside_others():
    made, pictures = decoder(5), features(6)
    together = marginals(search(made, pictures, 3), 5)
    alone = torch.cat([marginals(search(made, picture[None], 3), 5) for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-6)


def test_a_single_class_and_a_beam_wider_than_all_there_is():
    made = decoder(1)
    found = search(made, features(), 7)
    assert found.log_p.exp().sum(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert ((marginals(found, 1) > 0) & (marginals(found, 1) < 1)).all()


def test_embeddings_that_are_read_are_those_that_are_written():
    made, picture = decoder(fusion="output"), features(1)
    before = made.step(torch.tensor([made.begin]), picture, made.start(1, picture))[0]
    with torch.no_grad():
        made.embedding.weight[2] *= 3
    after = made.step(torch.tensor([made.begin]), picture, made.start(1, picture))[0]
    assert torch.equal(before[:, [0, 1, 3, 4]], after[:, [0, 1, 3, 4]])
    assert torch.allclose(3 * before[:, 2], after[:, 2])
    assert before.shape == (1, 5)  # nothing stands for the begin or for no class
