"""Logits and familiarity of one look: each row its own, and one that is no number harms no other."""

import numpy as np
import torch
from tests.jobs import tiny_model

from sfumato.decision.doubt.reference import fit_reference
from sfumato.models.scoring import scored


@torch.no_grad()
def test_beside_the_logits_stands_what_each_reference_says_of_the_features():
    model, images = tiny_model().eval(), torch.rand(40, 3, 16, 16) * 255
    features, logits = model(images)
    truth = np.arange(40) % 3
    references = [fit_reference(by, features.numpy(), truth) for by in ("knn", "mahalanobis")]
    found = scored(model, images, references)
    assert found.dtype == torch.float32
    assert torch.equal(found[:, :3], logits)
    for column, reference in zip(found[:, 3:].T, references, strict=True):
        assert np.allclose(column, reference.familiarity(features.numpy()), rtol=1e-5, atol=1e-5)
    assert torch.equal(scored(model, images, []), logits)


@torch.no_grad()
def test_features_that_are_no_numbers_are_told_in_their_row_alone():
    model, images = tiny_model().eval(), torch.rand(8, 3, 16, 16) * 255
    reference = fit_reference("knn", model(images)[0].numpy(), np.zeros(8, dtype=np.int64))
    plain = scored(model, images, [reference])
    images[3] = torch.nan
    found = scored(model, images, [reference])
    assert found[3].isnan().all()
    assert torch.equal(found[[0, 1, 2, 4]], plain[[0, 1, 2, 4]])
