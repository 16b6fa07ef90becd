"""What every family of models is: features of what it is shown, and a head that turns them into logits.

Shapes: B samples, C classes, D features.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.errors import InputError
from sfumato.models.backbone import Triple
from sfumato.models.heads import Head, build_head, reads_map
from sfumato.shown import Shown
from sfumato.tasks import Outputs

UNCERTAINTY = "uncertainty"
"""Name of the parameter that weighs the tasks' losses; only training needs it."""
HINT = "hint"
"""Name of what projects features onto those of a teacher; only training needs it."""
DECODER = "decoder"
"""Name of what writes classes one after another, of the features that the head sees."""
MISSING = "missing"
"""Name of what stands in for features that a sample lacks."""


def needed(name: str) -> bool:
    """Whether a parameter of this name is needed to answer, and not by training alone."""
    return name != UNCERTAINTY and not name.startswith(f"{HINT}.")


def below_head(name: str) -> bool:
    """Whether a parameter of this name has a part in the features of what is shown."""
    return needed(name) and not name.startswith(("head.", f"{DECODER}.", f"{MISSING}."))


class Network(nn.Module):
    """Base of all families. Parameters of the head begin with `head.`; see `needed` and `below_head`.

    Args:
        parts: Name -> what features are computed by.
        head: What stands on the features.
        width: Features of a sample, D.
        classes: What the head is built for.
        mean: Subtracted from the pixels, per channel, on a scale of 0 to 1.
        std: The pixels are divided by it, per channel, on a scale of 0 to 1.
    """

    reads_texts = False
    """Whether texts are part of what it is shown."""
    told_by_weights = True
    """Whether weights, structure, the bundle's files and `settings` say all that features of a picture and a text
    depend on."""
    bears_fp16 = True
    """Whether its activations stay within what fp16 can hold."""

    def __init__(
        self, parts: Mapping[str, nn.Module], head: Head, width: int, classes: Outputs, mean: Triple, std: Triple
    ) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.width = width
        """Features of a sample, D."""
        self.outputs = classes
        """What the head is built for."""
        self.classes = classes if isinstance(classes, int) else sum(classes.values())
        """Logits of a sample, C."""
        self.head_spec = head
        """What the head was built from."""
        self.head = self.new_head(head)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.uncertainty: nn.Parameter | None
        self.register_parameter(UNCERTAINTY, None)
        self.hint: nn.Linear | None = None

    @property
    def settings(self) -> str:
        """What features depend on that neither weights nor structure nor the bundle's files say."""
        return ""

    def features(self, shown: Tensor | Shown) -> Tensor:
        """What is shown -> (B, D); a tensor is (B, 3, H, W) pictures, uint8 or floats in 0 to 255."""
        raise NotImplementedError

    def features_shape(self, image_size: int) -> tuple[int, ...]:
        """Shape of the features of one sample: (D,); or (T, D) where the head looks at every place of a picture.

        Args:
            image_size: Side of its picture, pixels.
        """
        if not reads_map(self.head_spec):
            return (self.width,)
        training = [module for module in self.modules() if module.training]
        picture = torch.zeros(1, 3, image_size, image_size, device=next(self.parameters()).device)
        with torch.inference_mode():
            found = self.eval().features(picture).shape[1:]
        for module in training:
            module.training = True
        return tuple(found)

    def normalised(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) pixels of 0 to 255 -> as the backbone was trained on them."""
        return (images - cast(Tensor, self.mean)) / cast(Tensor, self.std)

    def completed(self, features_bd: Tensor) -> Tensor:
        """(B, D) features -> (B, D) as the head sees them, with something in the place of what is missing."""
        return features_bd

    def logits(self, shown: Tensor | Shown) -> Tensor:
        """What is shown, or its (B, D) features -> (B, C) float32."""
        return self(shown)[1]

    def forward(self, shown: Tensor | Shown) -> tuple[Tensor, Tensor]:
        """What is shown -> (B, D) features and (B, C) float32 logits.

        What has no four dimensions are features already: (B, D); or (B, T, D) where the head looks at every place.
        """
        features_bd = shown if isinstance(shown, Tensor) and shown.ndim < 4 else self.features(shown)
        return features_bd, self.answers(features_bd)

    def answers(self, features_bd: Tensor) -> Tensor:
        """(B, D) features -> (B, C) float32 logits."""
        return self.head(self.completed(features_bd)).float()

    def new_head(self, spec: Head) -> nn.Module:
        """A head with random weights that could stand on the features."""
        return build_head(spec, self.width, self.outputs)

    def replace_head(self, spec: Head) -> None:
        """Put another head, with random weights, where the present one is."""
        where = next(self.parameters()).device
        self.head_spec = spec
        self.head = self.new_head(spec).to(where)

    @contextmanager
    def reading_once(self) -> Generator[None]:
        """Within the context each text is read once, however often it is shown; nothing below the head may change."""
        yield

    def constrain(self) -> None:
        """Bring parameters that a step has moved back into the range they are kept in."""

    def keep_texts(self, texts: Sequence[str]) -> None:
        """Read these texts in one pass, and none of them again until `forget_texts`.

        The text tower must not change until then.
        """

    def forget_texts(self) -> None:
        """Read every text anew from now on."""

    def undecayed(self) -> set[str]:
        """Names of parameters that weight decay must not touch, though they have more than one dimension."""
        return set()

    def towers(self) -> tuple[nn.Module, ...]:
        """What features are computed by."""
        return ()

    def checkpoint_gradients(self) -> None:
        """Compute activations anew in the backward pass instead of keeping them (Chen et al. 2016).

        Raises:
            InputError: A tower that does not know how.
        """
        for tower in self.towers():
            own = getattr(tower, "checkpoint_gradients", None) or getattr(tower, "set_grad_checkpointing", None)
            try:
                if own is None:
                    raise AssertionError
                own()
            except AssertionError:
                what = "has no effect: the network can't compute its activations anew"
                raise InputError(what, setting="train.gradient_checkpointing", mend="leave it out") from None

    def learn_uncertainty(self) -> None:
        """Have a logarithm of each task's variance learnt beside the weights, (T,), by which losses are weighed."""
        tasks = 1 if isinstance(self.outputs, int) else len(self.outputs)
        self.uncertainty = nn.Parameter(torch.zeros(tasks))

    def learn_hint(self, width: int) -> None:
        """Have a projection of the D features onto `width` of a teacher's learnt beside the weights."""
        self.hint = nn.Linear(self.width, width, bias=False)
