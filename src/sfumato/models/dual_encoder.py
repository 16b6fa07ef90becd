"""The dual encoder: a picture is of the classes whose texts it is nearest to, in a space that both towers share.

Shapes: B pictures, C classes, K texts of all of them, I and T features of the towers.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sfumato.models.backbone import Triple
from sfumato.models.class_text_reader import ClassTextReader
from sfumato.models.classifier import undecayed_in
from sfumato.models.heads import Head
from sfumato.models.network import Network
from sfumato.models.ngrams import Ngrams
from sfumato.models.prototype_head import PrototypeHead, PrototypeHeadSpec
from sfumato.models.text_tower import TextTower
from sfumato.shown import Shown


class DualEncoder(Network):
    """Pictures to one logit a class. Parameter names begin with `image.`, `text.` or `head.`.

    The features, I of a picture, are those of the image encoder; the projections are part of the head, so that they
    learn while both encoders are frozen and their features are computed once.
    """

    image: nn.Module
    text: TextTower
    head: PrototypeHead
    own_ck: Tensor
    """(C, K) 1 where a text is of a class, else 0."""

    def __init__(
        self,
        towers: tuple[nn.Module, TextTower],
        image_width: int,
        head: PrototypeHeadSpec,
        texts: Mapping[str, Sequence[str]],
        mean: Triple,
        std: Triple,
        *,
        shared: bool = False,
    ) -> None:
        image, text = towers
        self.meets = shared
        """Whether the towers were trained to meet: what stands on them begins as the identity."""
        super().__init__({"image": image, "text": text}, head, image_width, len(texts), mean, std)
        self.register_buffer("own_ck", None, persistent=False)
        self.ask(texts)

    def ask(self, texts: Mapping[str, Sequence[str]]) -> None:
        """Answer with these classes from now on: class -> its texts, in the order of the logits."""
        owners = [place for place, some in enumerate(texts.values()) for _ in some]
        self.reader = ClassTextReader(self.text, [one for some in texts.values() for one in some])
        self.own_ck = torch.eye(len(texts))[owners].T.contiguous().to(self.head.log_scale.device)
        self.classes = self.outputs = len(texts)

    def features(self, shown: Tensor | Shown) -> Tensor:
        """(B, 3, H, W), uint8 or floats in 0 to 255 -> (B, I), not yet projected."""
        images = shown.images if isinstance(shown, Shown) else shown
        return self.image(self.normalised(images))

    def answers(self, features_bd: Tensor) -> Tensor:
        """(B, I) features -> (B, C) float32: the scale times the cosine to each class's prototype."""
        return self.head(features_bd, self.reader.features(features_bd.device), self.own_ck)

    def prototypes(self) -> Tensor:
        """(C, E) of length 1: where the classes lie in the shared space."""
        return self.head.prototypes(self.reader.features(self.head.log_scale.device).float(), self.own_ck)

    def new_head(self, spec: Head) -> nn.Module:
        """Projections with random weights, for both encoders; the identity where these meet already."""
        if not isinstance(spec, PrototypeHeadSpec):
            raise TypeError("refused before training")
        return PrototypeHead(self.width, self.text.width, spec, shared=self.meets)

    def constrain(self) -> None:
        """Keep the temperature at 0.01 or above."""
        self.head.constrain()

    def towers(self) -> tuple[nn.Module, ...]:
        """Both encoders; vectors of words have no activations worth the name."""
        return (self.image,) if isinstance(self.text, Ngrams) else (self.image, self.text)

    def undecayed(self) -> set[str]:
        """What the encoders name."""
        return {*undecayed_in(self.image, "image"), *(f"text.{name}" for name in self.text.undecayed())}
