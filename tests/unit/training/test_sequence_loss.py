"""What a decoder is taught, and that it learns it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.plans import plan
from torch.nn import functional as F

from sfumato.models.cnn_rnn.beam_search import marginals, search
from sfumato.models.cnn_rnn.decoder import Decoder
from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec
from sfumato.training.sequence_loss import SequenceLoss

COUNTS = np.array([5, 3, 4, 1])
ANSWERS = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]])


def taught(**settings) -> tuple[Decoder, SequenceLoss, torch.Tensor]:
    torch.manual_seed(0)
    spec = DecoderSpec(hidden=24, embedding=8, dropout=0, **settings)
    made = Decoder(spec, 6, 4)
    return made, SequenceLoss(made, spec, COUNTS, torch.device("cpu")), torch.randn(4, 6)


def at(forcing=1.0, smoothing=0.0):
    return replace(plan().at(0), teacher_forcing=forcing, label_smoothing=smoothing)


@pytest.mark.parametrize("fusion", ["input", "output"])
def test_forced_it_is_the_cross_entropy_of_the_chain_rule(fusion):
    made, loss, features = taught(order="freq", coverage_weight=0, sequence_weight=2, fusion=fusion)
    found = loss.losses(features, ANSWERS, at(smoothing=0.1))
    for row, sequence in enumerate([[0, 2, 4], [4], [0, 2, 1, 4], [3, 4]]):
        state, last, terms = made.start(1, features), made.begin, []
        for token in sequence:
            scores, state = made.step(torch.tensor([last]), features[row : row + 1], state)
            terms.append(F.cross_entropy(scores, torch.tensor([token]), label_smoothing=0.1))
            last = token
        assert float(found[row].detach()) == pytest.approx(2 * float(torch.stack(terms).mean().detach()), rel=1e-4)


def test_a_sample_of_which_not_all_is_known_teaches_nothing():
    _, loss, features = taught()
    answers = ANSWERS.clone()
    answers[2, 3] = -1
    found = loss.losses(features, answers, at())
    assert float(found[2].detach()) == 0 and (found[[0, 1, 3]] > 0).all()


def test_unforced_it_is_shown_what_it_named():
    _, loss, features = taught(order="freq", coverage_weight=0)
    forced, free = loss.losses(features, ANSWERS, at(1.0)), loss.losses(features, ANSWERS, at(0.0))
    assert torch.equal(forced[1], free[1])  # nothing stands before the end
    assert not torch.equal(forced[2], free[2])


@pytest.mark.parametrize(
    "settings",
    [{"order": order} for order in ("pla", "mla", "freq", "rare", "random")] + [{"cell": "lstm", "fusion": "output"}],
)
def test_it_learns_the_classes_of_every_sample(settings):
    made, loss, features = taught(**settings)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)
    steps = 500 if settings.get("order") == "random" else 120  # an order that never recurs is learnt late
    for step in range(steps):
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss.losses(features, ANSWERS, at(1 - step / steps / 2)).mean().backward()
        optimizer.step()
    shares = marginals(search(made.eval(), features, 3), 4)
    assert torch.allclose(shares, ANSWERS.float(), atol=0.1)


def test_coverage_counts_beside_it():
    _, without, features = taught(order="freq", coverage_weight=0)
    _, beside, _ = taught(order="freq", coverage_weight=0.5)
    more = beside.losses(features, ANSWERS, at()) - without.losses(features, ANSWERS, at())
    assert (more[[0, 2, 3]] > 0).all() and float(more[1].detach()) == 0
