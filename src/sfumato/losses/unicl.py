"""Image-text contrast with several positives: all pictures of a class, and all its texts, belong together.

Yang et al., Unified Contrastive Learning in Image-Text-Label Space, CVPR 2022, eq. 3 to 5. The text of a picture is the
prototype of its class, one direction for all the texts of a class, so that pair (i, j) of a batch has the logit of
picture i and the class of j. Both halves are then functions of (B, C) logits:

- picture to text: a batch holds the text of class c as often as pictures of it, n_c times, so the sum over the texts of
  a batch is one over classes, each counted n_c times: cross-entropy of z + log n_c, which is a balanced softmax of the
  batch, and log n_c more, since n_c texts are right.
- text to picture: of the text of c, all n_c pictures of c are right, and the softmax is over the pictures of the batch.

Where all pictures of a class share one text, CLIP's loss (one right pair a row) has the same value and gradient; where
texts differ within a class, it takes pictures of a class for each other's negatives, and this one does not.
"""

from typing import Literal

import torch
from torch import Tensor

from sfumato.spec import Spec


class UniclSpec(Spec):
    """Pictures against the texts of a batch's classes, and the other way round; only for `model.kind: dual_encoder`."""

    kind: Literal["unicl"] = "unicl"

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:  # noqa: ARG002  # all losses are called alike
        """Half of either direction for each class of each picture, less what no network could go below.

        The floor of a direction is log n_c: with n_c right answers none can have more than 1 / n_c. Without it the loss
        of batches of other sizes could not be compared. The mean over a batch of hard targets is 0 at best; single
        pictures may be below.

        Args:
            logits: (B, C) of a whole batch: what else is in it decides over each term.
            targets: (B, C) probabilities; a row of zeros is a picture of unknown class, which is no one's negative.
            counts: (C,) training pictures; not asked, for those of the batch count.

        Returns:
            (B, C) float32, in nats.
        """
        z, n = logits.float(), targets.sum(dim=0)
        absent = n == 0
        log_n = n.clamp(min=1e-12).log()
        to_text = torch.log_softmax((z + log_n).masked_fill(absent, -torch.inf), dim=1).masked_fill(absent, 0.0)
        unknown = targets.sum(dim=1, keepdim=True) == 0
        to_picture = torch.log_softmax(z.masked_fill(unknown, -torch.inf), dim=0).masked_fill(unknown, 0.0)
        return -targets * (to_text + to_picture + log_n) / 2
