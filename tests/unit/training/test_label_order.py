"""The order in which classes are taught: by counts, by alignment, and as tokens."""

from itertools import permutations

import numpy as np
import pytest
import torch

from sfumato.models.cnn_rnn.decoder import Decoder
from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec
from sfumato.training.label_order import aligned, named_freely, ranks, written

CLASSES = 5
END, PAD = 5, 7


def decoder(**settings) -> Decoder:
    torch.manual_seed(1)
    return Decoder(DecoderSpec(hidden=8, embedding=4, **settings), 3, CLASSES).eval()


def there(*rows) -> torch.Tensor:
    found = torch.zeros(len(rows), CLASSES, dtype=torch.bool)
    for row, classes in enumerate(rows):
        found[row, list(classes)] = True
    return found


def test_frequent_or_rare_ones_first_then_by_index():
    counts = np.array([4, 9, 4, 1, 9])
    rows = there({0, 1, 2, 3, 4}, {3, 0}, set())
    frequent = written(rows, ranks(counts, rare_first=False), decoder())
    rare = written(rows, ranks(counts, rare_first=True), decoder())
    assert frequent.tolist() == [[1, 4, 0, 2, 3, END], [0, 3, END, PAD, PAD, PAD], [END, PAD, PAD, PAD, PAD, PAD]]
    assert rare.tolist()[:2] == [[3, 0, 2, 1, 4, END], [3, 0, END, PAD, PAD, PAD]]


def test_a_sequence_is_no_longer_than_it_may_be():
    assert written(there({0, 1, 2}), torch.arange(5.0), decoder(longest=2)).tolist() == [[0, 1, END]]


def loss_of(log_p, order) -> float:
    return -sum(float(log_p[step, c]) for step, c in enumerate(order))


@pytest.mark.parametrize("seed", range(6))
def test_the_least_loss_is_no_more_than_that_of_any_order(seed):
    torch.manual_seed(seed)
    log_p = torch.randn(4, CLASSES).mul(2).log_softmax(1)
    classes = (0, 2, 3, 4)
    places = aligned(log_p[None], log_p.argmax(1)[None], there(classes), keep=False)[0]
    found = sorted(classes, key=lambda c: places[c])
    assert loss_of(log_p, found) == pytest.approx(min(loss_of(log_p, order) for order in permutations(classes)))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_named_rightly_stays_and_the_rest_has_the_least_loss(seed):
    torch.manual_seed(seed)
    made, features = decoder(), torch.randn(1, 3)
    log_p, chosen = named_freely(made, features, 3)
    classes = (0, 1, 4)
    places = aligned(log_p, chosen, there(classes), keep=True)[0]
    found = sorted(classes, key=lambda c: places[c])
    right = {step: c for step, c in enumerate(chosen[0].tolist()) if c in classes}
    assert all(found[step] == c for step, c in right.items())
    allowed = [order for order in permutations(classes) if all(order[step] == c for step, c in right.items())]
    assert loss_of(log_p[0], found) == pytest.approx(min(loss_of(log_p[0], order) for order in allowed))


def test_left_to_itself_it_names_no_class_twice():
    log_p, chosen = named_freely(decoder(), torch.randn(4, 3), CLASSES)
    assert all(sorted(row) == list(range(CLASSES)) for row in chosen.tolist())
    assert log_p.shape == (4, CLASSES, CLASSES)
    assert (log_p.exp().sum(dim=2) < 1).all()  # the end has its share
