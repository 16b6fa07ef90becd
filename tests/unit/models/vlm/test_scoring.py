"""Every candidate at once gives what each gives alone."""

import numpy as np
import pytest
import torch
from examples.named_products.tiny_gemma import SPECIAL, network
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sfumato.errors import InputError
from sfumato.models.vlm import scoring
from sfumato.models.vlm.beam import write_name
from sfumato.models.vlm.scoring import Prompts, log_likelihoods
from sfumato.models.vlm.trie import grow, plant, refuse_unscorable, shares

IMAGE, END, FIRST = 5, 8, len(SPECIAL)
MODEL = network()


def prompts(lengths: list[int], seed: int = 0) -> tuple[Prompts, Tensor, list[list[int]]]:
    """Prompts of these lengths; every one but the second shows a picture of 4 tokens. Pixels and rows beside them."""
    rng = np.random.default_rng(seed)
    rows = [
        [2, *([4, 5, 5, 5, 5, 6] if i != 1 else []), *rng.integers(FIRST, FIRST + 30, n)] for i, n in enumerate(lengths)
    ]
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    there = torch.tensor([[False] * (longest - len(row)) + [True] * len(row) for row in rows])
    pixels = torch.randn(sum(IMAGE in row for row in rows), 3, 28, 28, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        seen = MODEL.get_image_features(pixels).pooler_output
    return Prompts(ids, there, ids == IMAGE, seen), pixels, rows


@torch.no_grad()
def alone(row: list[int], pixels: Tensor | None, name: list[int]) -> float:
    """transformers' own forward pass of one prompt and one name, without padding, tree or any mask of ours."""
    ids = torch.tensor([[*row, *name, END]])
    logits = MODEL(input_ids=ids, pixel_values=pixels, token_type_ids=(ids == IMAGE).long()).logits[0].float()
    steps = logits.log_softmax(dim=1)[len(row) - 1 : -1]
    return float(steps.gather(1, ids[0, len(row) :, None]).sum())


def naive(rows: list[list[int]], pixels: Tensor, names: list[list[int]]) -> np.ndarray:
    turn = iter(pixels.split(1))
    own = [next(turn) if IMAGE in row else None for row in rows]
    return np.array([[alone(row, seen, name) for name in names] for row, seen in zip(rows, own, strict=True)])


NAMES = st.lists(
    st.lists(st.integers(FIRST, FIRST + 3), min_size=1, max_size=5), min_size=1, max_size=12, unique_by=tuple
)


@settings(max_examples=15, deadline=None)
@given(NAMES, st.lists(st.integers(1, 30), min_size=1, max_size=3))
def test_the_tree_gives_what_each_name_gives_alone(names, lengths):
    asked, pixels, rows = prompts(lengths)
    with torch.no_grad():
        hidden, scores = log_likelihoods(MODEL, asked, plant(names, END))
    assert hidden.shape == (len(rows), 32)
    assert np.abs(scores.numpy() - naive(rows, pixels, names)).max() < 1e-4


def test_a_name_that_another_begins_with_ends_where_it_ends():
    names = [[FIRST], [FIRST, FIRST + 1], [FIRST, FIRST + 1, FIRST + 2]]
    trie = plant(names, END)
    assert len(trie.tokens) == 3  # the longest holds the others
    assert trie.kin.tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert trie.lengths.tolist() == [2, 3, 4]
    asked, pixels, rows = prompts([7, 3])
    with torch.no_grad():
        scores = log_likelihoods(MODEL, asked, trie)[1]
    assert np.abs(scores.numpy() - naive(rows, pixels, names)).max() < 1e-4


def test_names_never_overlap():
    """The more names, the more of the probability they share, and never more than all of it."""
    asked, _, _ = prompts([5])
    letters = [token for token in range(MODEL.config.text_config.vocab_size) if token != END]
    short = [[one] for one in letters]
    longer = short + [[one, other] for one in letters for other in letters[:20]]
    with torch.no_grad():
        shares = [float(log_likelihoods(MODEL, asked, plant(names, END))[1].exp().sum()) for names in (short, longer)]
    assert 0 < shares[0] < shares[1] < 1


def test_the_order_of_names_and_pieces_of_the_vocabulary_change_nothing(monkeypatch):
    asked, _, _ = prompts([9, 4, 6])
    names = [[FIRST + i, FIRST + j] for i in range(4) for j in range(3)]
    order = np.random.default_rng(0).permutation(len(names))
    with torch.no_grad():
        scores = log_likelihoods(MODEL, asked, plant(names, END))[1]
        shuffled = log_likelihoods(MODEL, asked, plant([names[i] for i in order], END))[1]
        monkeypatch.setattr(scoring, "AT_ONCE", 1)
        pieces = log_likelihoods(MODEL, asked, plant(names, END))[1]
    assert torch.allclose(scores[:, order], shuffled, atol=1e-5)
    assert torch.allclose(scores, pieces, atol=1e-5)


def test_gradients_are_those_of_the_names_alone():
    names = [[FIRST], [FIRST, FIRST + 1], [FIRST + 2, FIRST]]
    asked, pixels, rows = prompts([4])
    weight = MODEL.model.language_model.layers[0].self_attn.q_proj.weight
    (ours,) = torch.autograd.grad(log_likelihoods(MODEL, asked, plant(names, END))[1].sum(), weight)
    total = torch.zeros(())
    for name in names:
        ids = torch.tensor([[*rows[0], *name, END]])
        logits = MODEL(input_ids=ids, pixel_values=pixels, token_type_ids=(ids == IMAGE).long()).logits[0]
        steps = logits.log_softmax(dim=1)[len(rows[0]) - 1 : -1]
        total = total + steps.gather(1, ids[0, len(rows[0]) :, None]).sum()
    (theirs,) = torch.autograd.grad(total, weight)
    assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)


def built_against_greed() -> tuple[Prompts, list[list[int]]]:
    """A prompt, and two names: the first begins with the likeliest token, behind which the worst is to follow."""
    asked, _, _ = prompts([5])
    letters = list(range(FIRST, FIRST + 40))
    with torch.no_grad():
        firsts = log_likelihoods(MODEL, asked, grow([(one,) for one in letters]))[1][0]
        likely, second = (letters[int(place)] for place in firsts.topk(2).indices)
        behind = [
            log_likelihoods(MODEL, asked, grow([(one, other) for other in letters]))[1][0] for one in (likely, second)
        ]
    return asked, [[likely, letters[int(behind[0].argmin())]], [second, letters[int(behind[1].argmax())]]]


@torch.no_grad()
def test_the_likeliest_name_is_found_where_greedy_decoding_misses_it():
    asked, names = built_against_greed()
    scores = log_likelihoods(MODEL, asked, plant(names, END))[1][0]
    assert scores[1] > scores[0]
    assert write_name(MODEL, asked, names, END, width=1)[0] == 0
    index, score = write_name(MODEL, asked, names, END, width=2)
    assert index == 1 == int(scores.argmax())
    assert score == pytest.approx(float(scores[1]), abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(NAMES, st.integers(0, 3))
@torch.no_grad()
def test_a_beam_as_wide_as_there_are_names_writes_the_likeliest(names, seed):
    asked, _, _ = prompts([6], seed)
    scores = log_likelihoods(MODEL, asked, plant(names, END))[1][0]
    index, score = write_name(MODEL, asked, names, END, width=len(names))
    assert score == pytest.approx(float(scores.max()), abs=1e-4)
    assert float(scores[index]) == pytest.approx(float(scores.max()), abs=1e-4)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=30, unique_by=tuple),
    st.integers(1, 20),
)
def test_groups_hold_every_name_once_in_trees_that_are_small_enough(names, most):
    groups = shares(names, most)
    assert sorted(index for group in groups for index in group) == list(range(len(names)))
    sizes = [len(plant([names[index] for index in group], 9).tokens) for group in groups]
    assert all(size <= most or len(group) == 1 for size, group in zip(sizes, groups, strict=True))


@pytest.mark.parametrize(
    ("names", "tokens", "message"),
    [
        ([], [], "the classes: no candidates; expected names to choose from"),
        (["a", " "], [[9], []], "the classes: the name ' ' has no tokens; expected names the tokenizer can write"),
        (
            ["a", "a "],
            [[9], [9]],
            "the classes: 'a' and 'a ' are the same tokens; expected candidates that differ; rename",
        ),
        (["a", "<eos>"], [[9], [1]], "the classes: the name '<eos>' holds a special token of the model"),
        (
            [str(i) for i in range(10_000)],
            [[i] for i in range(10_000)],
            "the classes: 10000 candidates, each to be read",
        ),
    ],
)
def test_names_that_can_not_be_scored_are_one_line(names, tokens, message):
    with pytest.raises(InputError) as failure:
        refuse_unscorable(names, tokens, frozenset({1, END}))
    assert str(failure.value).startswith(message)
    assert "\n" not in str(failure.value)
