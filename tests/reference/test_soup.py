"""Soups and interpolations against closed forms and a second implementation of the papers' recipes."""

import itertools

import numpy as np
import pytest
import torch
from tests.jobs import tiny_model
from tests.plans import plan

from sfumato.errors import InputError
from sfumato.models.heads import MlpHeadSpec
from sfumato.training.averaging import norms_that_differ, refresh_statistics
from sfumato.training.interpolation import (
    InterpolateSpec,
    backbone_begins,
    begins_with_new_head,
    interpolated,
    refuse_idle_interpolation,
)
from sfumato.training.soup import greedy, mean_of, refuse_idle_soup


def state(seed: int) -> dict[str, torch.Tensor]:
    """Weights of a network with batch norms that has seen `seed` batches."""
    model = tiny_model()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    for _ in range(seed):
        model.logits(255 * torch.rand(4, 3, 17, 17, generator=generator))
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_a_soup_is_the_arithmetic_mean():
    states = [state(seed) for seed in (1, 2, 3)]
    soup = mean_of(states)
    assert list(soup) == list(states[0])
    for name, tensor in soup.items():
        assert tensor.dtype == states[0][name].dtype
        if tensor.is_floating_point():
            mean = np.mean([one[name].numpy().astype(np.float64) for one in states], axis=0)
            assert np.array_equal(tensor.numpy(), mean.astype(np.float32)), name
        else:
            assert torch.equal(tensor, states[0][name])
    assert soup["backbone.1.num_batches_tracked"] == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_soup_of_equal_weights_is_these_weights(count):
    soup = mean_of(state(2) for _ in range(count))
    assert all(torch.equal(soup[name], tensor) for name, tensor in state(2).items())


def papers_recipe(values, score):
    """Recipe 1 of the paper, word for word: a set of ingredients that one is added to if the score does not fall."""
    ingredients = []
    for value in values:
        if not ingredients or score([*ingredients, value]) >= score(ingredients):
            ingredients = [*ingredients, value]
    return ingredients


def test_greedy_is_the_papers_recipe():
    """Ingredients are numbers and a soup is their mean, the better the nearer to 0; some are equal, some tie."""
    rng = np.random.default_rng(0)
    sizes = set()
    for _ in range(200):
        values = sorted(np.round(rng.normal(0.3, 1, 6), 1).tolist(), key=abs)

        def make(places, values=values):
            return float(np.mean([values[place] for place in places]))

        soup, trials = greedy(6, make, lambda soup: -abs(soup))
        expected = papers_recipe(values, lambda chosen: -abs(float(np.mean(chosen))))
        assert [values[trial.ingredient] for trial in trials if trial.taken] == expected
        assert soup == pytest.approx(np.mean(expected))
        assert -abs(soup) >= -abs(values[0])
        sizes.add(len(expected))
    assert len(sizes) >= 4


def test_the_ends_of_an_interpolation_are_start_and_best_to_the_bit():
    start, best = state(1), state(2)
    start["head.1.bias"] = torch.full_like(start["head.1.bias"], float("inf"))  # 0 times this is no number
    for alpha, expected in ((0.0, start), (1.0, best)):
        found = interpolated(start, best, alpha)
        assert list(found) == list(best)
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.7])
def test_between_the_ends_it_is_equation_1(alpha):
    start, best = state(1), state(2)
    for name, tensor in interpolated(start, best, alpha).items():
        if tensor.is_floating_point():
            wide = (1 - alpha) * start[name].numpy().astype(float) + alpha * best[name].numpy().astype(float)
            assert np.array_equal(tensor.numpy(), wide.astype(np.float32)), name
        else:
            assert torch.equal(tensor, best[name])


def test_norms_that_always_were_frozen_are_left_alone():
    model, first, second = tiny_model(), state(1), state(1)
    assert norms_that_differ(model, [first, second]) == []
    second["backbone.5.weight"] = second["backbone.5.weight"] + 1
    assert norms_that_differ(model, iter([first, second])) == [model.backbone[5]]
    model.load_state_dict(mean_of([first, second]))
    refresh_statistics(model, [torch.full((4, 3, 17, 17), 9.0)], norms_that_differ(model, [first, second]))
    assert torch.equal(model.backbone[1].running_mean, first["backbone.1.running_mean"])
    assert not torch.equal(model.backbone[5].running_mean, first["backbone.5.running_mean"])


def test_images_are_not_read_where_no_norm_differs():
    refresh_statistics(tiny_model(), itertools.repeat(None), [])  # it would not end


FROZEN = {"at": "0ep", "batch_size": 16, "learn": {"head.*": 1.0, "*": "frozen"}}


def test_where_an_interpolation_begins():
    model = tiny_model()
    from_the_start = plan({"at": "0ep", "batch_size": 16})
    assert (backbone_begins(from_the_start, model), begins_with_new_head(from_the_start, 0)) == (0, True)
    in_stages = plan(FROZEN, {"at": "37%", "learn": {"*": 1.0}}, samples=160)
    step = backbone_begins(in_stages, model)
    assert "backbone" not in str(in_stages.at(step - 1).learn)
    assert (in_stages.at(step - 1).learn, in_stages.at(step).learn) == (in_stages.learn[0].value, (("*", 1.0),))
    assert not begins_with_new_head(in_stages, step)
    cosine = {"at": "1ep", "learn": {"*": 1.0}, "head": {"kind": "cosine", "start": "class_means"}}
    assert not begins_with_new_head(plan(FROZEN, cosine), 2)
    assert begins_with_new_head(plan(FROZEN, {**cosine, "head": {"kind": "cosine"}}), 2)


@pytest.mark.parametrize(
    ("keyframes", "head", "line"),
    [
        ([FROZEN], None, "train.interpolate: has no effect: nothing below the head learns; leave it out"),
        (
            [{"at": "1ep", "head": {"kind": "cosine"}}],
            None,
            "train.interpolate: the head that comes at epoch 1 has no weights to start from at 0, when the backbone begins "
            "to learn; let the backbone learn from then on, or leave it out",
        ),
        (
            [{"at": "0ep", "batch_size": 16}],
            MlpHeadSpec(),
            "train.interpolate: the mlp head is random when the backbone begins to learn, and class means can't begin "
            "one; freeze the backbone for the first epochs, or take a linear head",
        ),
    ],
)
def test_interpolations_of_nothing_are_refused(keyframes, head, line):
    with pytest.raises(InputError) as caught:
        refuse_idle_interpolation(plan(*keyframes, head=head), tiny_model(head=head))
    assert str(caught.value) == line


def test_a_soup_of_one_is_refused():
    with pytest.raises(InputError, match="one epoch alone ends with the head that comes at epoch 3; train for longer"):
        refuse_idle_soup(plan({"at": "3ep", "head": {"kind": "cosine"}}))
    refuse_idle_soup(plan({"at": "2ep", "head": {"kind": "cosine"}}))


@pytest.mark.parametrize("alphas", [(), (0.5, 0.2), (0.5, 0.5), (1.0,), (1.5,)])
def test_alphas_that_make_no_sweep_are_refused(alphas):
    with pytest.raises(ValueError, match="alphas|expected"):
        InterpolateSpec(alphas=alphas)


def test_the_best_weights_are_always_in_the_sweep():
    assert InterpolateSpec().swept == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert InterpolateSpec(alphas=(0.3, 1.0)).swept == (0.3, 1.0)
