"""The share of head and decoder in a network that has both, fitted on the validation part once training is over."""

import numpy as np
import torch
from torch import Tensor

from sfumato.decision.branch_share import BranchShare, fit_branch_share
from sfumato.models.cnn_rnn.branches import log_odds
from sfumato.models.cnn_rnn.cnn_rnn import CnnRnn
from sfumato.shown import Shown
from sfumato.training.inference import computed, groups_of
from sfumato.training.job import Job


def fit_branches(job: Job) -> BranchShare | None:
    """Give the job's network, which carries its best weights, the share and the curves of its branches.

    None for a network without such branches.
    """
    model = job.model
    if not isinstance(model, CnnRnn):
        return None
    model.eval()
    classes = model.classes

    def both(shown: Tensor | Shown) -> Tensor:
        logits, shares = model.both(shown)
        return torch.cat([logits, log_odds(shares)], dim=1)

    said = computed(both, 2 * classes, job.val, job.preprocess, job.machine, job.workers, job.pictures)
    share = model.spec.head_share
    found = fit_branch_share(
        said[:, :classes],
        said[:, classes:],
        job.val.membership.astype(np.int8),
        groups_of(job.val),
        None if share == "fitted" else share,
    )
    curves = found.curves
    model.branches.set(found.share, [one.slopes for one in curves], [one.intercepts for one in curves])
    return found


def told(found: BranchShare) -> str:
    """The line that says what was chosen, and why."""
    if found.losses is None:
        return f"model.decoder.head_share: {found.share:g}, too few validation samples to fit one"
    head, decoder, both = found.losses
    why = f"log loss a class on validation {both:.4f}, of the head alone {head:.4f}, of the decoder alone {decoder:.4f}"
    return f"model.decoder.head_share: {found.share:.2f}, {why}"
