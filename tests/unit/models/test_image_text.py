"""The model of image and text: its features, what is missing, what is read once."""

import pytest
import torch
from torch.nn import functional as F

from sfumato.models.heads import LinearHeadSpec
from sfumato.models.image_text import ImageText
from sfumato.models.missing import Missing
from sfumato.models.ngrams import Ngrams, NgramsSpec, pieces
from sfumato.models.text_tower import Tokens
from sfumato.shown import Shown, whole, with_black

HALF = (0.5, 0.5, 0.5)


class Mean(torch.nn.Module):
    """Picture -> the mean of its channels, twice."""

    def forward(self, images):
        return images.mean(dim=(2, 3)).repeat(1, 2)


def model(width: int = 8, *, learnt: bool = True) -> ImageText:
    torch.manual_seed(0)
    text = Ngrams(NgramsSpec(width=width, buckets=64))
    missing = Missing((6, width), 0.5) if learnt else None
    return ImageText((Mean(), text), 6, LinearHeadSpec(), 3, HALF, HALF, missing).eval()


def shown(counts=(1, 0, 2), texts=("red shirt", "steel pot", "")) -> Shown:
    images = torch.randint(0, 256, (sum(counts), 3, 4, 4), generator=torch.Generator().manual_seed(1))
    return Shown(images.to(torch.uint8), tuple(counts), tuple(texts))


def test_both_halves_of_features_are_as_long_as_pictures_of_variance_1_and_zeros_where_nothing_is():
    both, text_only, _ = model().features(shown((1, 0, 1)))
    assert both[:6].square().mean().item() == pytest.approx(1, abs=1e-6)
    assert both[6:].norm().item() == pytest.approx(6**0.5, abs=1e-6)
    assert not text_only[:6].any()
    assert model().features(shown((1, 0, 1)))[2, 6:].any() == 0


def test_a_plain_tensor_is_pictures_without_texts():
    images = shown((1, 1, 1)).images
    assert torch.equal(model().features(images), model().features(whole(images)))
    assert not model().features(images)[:, 6:].any()


def test_the_head_sees_learnt_features_where_a_sample_has_none():
    missing = Missing((2, 3), 0.4).eval()
    with torch.no_grad():
        missing.image.copy_(torch.tensor([5.0, 6.0]))
        missing.text.copy_(torch.tensor([7.0, 8.0, 9.0]))
    features = torch.tensor([[0.6, 0.8, 0, 0, 0], [0, 0, 1, 0, 0]])
    completed = missing(features)
    assert completed.tolist() == [pytest.approx([0.6, 0.8, 7, 8, 9]), [5, 6, 1, 0, 0]]
    completed.sum().backward()
    assert missing.image.grad.tolist() == [1, 1]
    assert missing.text.grad.tolist() == [1, 1, 1]


def test_pieces_of_a_batch_are_those_of_its_tensor():
    batch = shown((1, 0, 2, 1, 1), ("a", "b", "c", "", "e"))
    network = model()
    whole_batch = network.features(batch)
    cut = batch.tensor_split(2)
    assert [len(piece) for piece in cut] == [len(piece) for piece in torch.arange(5).tensor_split(2)]
    assert torch.allclose(torch.cat([network.features(piece) for piece in cut]), whole_batch, atol=1e-6)


def test_ngrams_are_the_mean_of_their_vectors():
    tower = Ngrams(NgramsSpec(width=4, buckets=32))
    ids, there = Tokens(tower).padded(["pot", "a longer text"], torch.device("cpu"))
    assert ids.shape == there.shape
    wanted = torch.stack([tower.vectors[tower.tokens(text)].mean(dim=0) for text in ("pot", "a longer text")])
    assert torch.allclose(tower(ids, there), wanted, atol=1e-6)
    assert there.sum(dim=1).tolist() == [len(tower.tokens("pot")), len(tower.tokens("a longer text"))]


def test_pieces_are_words_and_their_letter_sequences_in_any_script():
    assert pieces("Pot") == ["pot", "<p", "po", "ot", "t>", "<po", "pot", "ot>", "<pot", "pot>", "<pot>"]
    assert "衬衫" in pieces("红色衬衫")
    assert pieces("SHIRT") == pieces("shirt")


def test_no_more_tokens_than_the_window():
    tower = Ngrams(NgramsSpec(window=7))
    ids, _ = Tokens(tower).padded(["word " * 20_000], torch.device("cpu"))
    assert ids.shape == (1, 7)


def test_a_text_that_recurs_is_read_once_on_request():
    network, calls = model(), []
    network.text.register_forward_hook(lambda *_: calls.append(1))
    batch = shown((1, 1), ("red shirt", "red shirt"))
    plain = network.features(batch)
    with network.reading_once():
        again = [network.features(batch) for _ in range(3)]
    assert len(calls) == 2  # once without, once within
    assert all(torch.allclose(one, plain, atol=1e-6) for one in again)


def test_a_text_that_was_read_ahead_is_read_anew_only_once_it_is_forgotten():
    network, calls = model(), []
    network.text.register_forward_hook(lambda *_: calls.append(1))
    batch = shown((1, 1), ("red shirt", ""))
    plain = network.features(batch)
    network.keep_texts(["red shirt", "", "pot"])
    kept = network.features(batch)
    with network.reading_once():
        network.features(batch)
    network.features(batch)
    assert len(calls) == 2  # before, and ahead
    network.forget_texts()
    assert torch.equal(network.features(batch), plain)
    assert len(calls) == 3
    assert torch.allclose(kept, plain, atol=1e-6)


def test_features_that_were_computed_give_the_same_logits():
    network = model()
    batch = shown()
    assert torch.equal(network.logits(network.features(batch)), network.logits(batch))
    assert F.normalize(network.features(batch)[:, :6], dim=1).shape == (3, 6)


def test_several_pictures_of_a_sample_count_as_the_mean_of_their_features():
    network, batch = model(), shown((2, 1, 0))
    each = network.features(whole(batch.images))[:, :6]
    found = network.features(batch)[:, :6]
    assert torch.allclose(found[0], 6**0.5 * F.normalize(each[:2].mean(dim=0), dim=0), atol=1e-6)
    assert torch.allclose(found[1], each[2], atol=1e-6)


def test_modality_dropout_takes_one_of_two_and_never_the_only_one():
    missing = Missing((1, 1), 0.4).train()
    with torch.no_grad():
        missing.image.fill_(-1)
        missing.text.fill_(-1)
    torch.manual_seed(0)
    both, alone = torch.ones(20_000, 2), torch.tensor([[1.0, 0.0]]).repeat(1000, 1)
    lost = missing(both) == -1
    assert not lost.all(dim=1).any()
    assert lost.float().mean(dim=0).tolist() == pytest.approx([0.2, 0.2], abs=0.01)
    assert (missing(alone) == torch.tensor([1.0, -1.0])).all()
    assert (missing.eval()(both) == 1).all()


def test_without_learnt_features_a_black_picture_and_an_empty_text_stand_in():
    network, batch = model(learnt=False), shown((1, 0, 2))
    black = Shown(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), (1,), ("",))
    features = network.features(batch)
    assert torch.allclose(features[1, :6], network.features(black)[0, :6], atol=1e-6)
    assert torch.allclose(features[2, 6:], network.features(black)[0, 6:], atol=1e-6)
    assert features.norm(dim=1).tolist() == pytest.approx([12**0.5] * 3, abs=1e-5)
    assert "missing.image" not in dict(network.named_parameters())


def test_a_batch_without_any_picture():
    assert model().features(shown((0, 0, 0))).shape == (3, 14)
    assert with_black(shown((0, 0, 0))).images.shape == (3, 3, 4, 4)
