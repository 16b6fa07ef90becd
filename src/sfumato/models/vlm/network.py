"""A vision-language model as a classifier: picture and prompt to the log-likelihood of each class's name.

Shapes: B samples, P pictures, K tokens of a picture, C classes, H hidden, D = H features: the state before a name.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from sfumato.models.backbone import Triple
from sfumato.models.heads import NamesHeadSpec
from sfumato.models.network import Network
from sfumato.models.recomputing import recompute
from sfumato.models.text_tower import Files
from sfumato.models.vlm.candidates import Candidates
from sfumato.models.vlm.pictures import SeenPictures
from sfumato.models.vlm.scoring import Prompts, log_likelihoods
from sfumato.models.vlm.trie import Trie, refuse_unscorable
from sfumato.models.vlm.wording import Wording
from sfumato.shown import Shown, whole

AT_ONCE = 8
"""Samples read together where nothing learns."""


class Vlm(Network):
    """Pictures, and texts where the prompt has a place for them, to the log-likelihood of each class's name.

    Parameter names begin with `network.`; the head has none.

    Args:
        network: A causal vision-language model of transformers.
        wording: Of its processor.
        names: (C) what the model is to write for each class.
        head: How names are scored.
        side: Of its pictures, pixels.
        mean: Subtracted from the pixels, per channel, on a scale of 0 to 1.
        std: The pixels are divided by it, per channel, on a scale of 0 to 1.
        reads_texts: Whether the prompt has a place for a text.

    Raises:
        InputError: Names that can't be scored.
    """

    told_by_weights = False  # the prompt too
    bears_fp16 = False  # Gemma 3's activations and gradients leave its range
    network: Any

    def __init__(
        self,
        network: Any,
        wording: Wording,
        names: Sequence[str],
        head: NamesHeadSpec,
        side: int,
        mean: Triple,
        std: Triple,
        reads_texts: bool,
    ) -> None:
        width = int(network.config.get_text_config().hidden_size)
        super().__init__({"network": network}, head, width, len(names), mean, std)
        self.reads_texts, self.side, self.wording = reads_texts, side, wording
        self._names = Candidates([wording.name(name) for name in names], wording.end)
        refuse_unscorable(names, self._names.tokens, wording.special)
        self._seen: SeenPictures | None = None
        _leave_tied_out(self, network)

    def features(self, shown: Tensor | Shown) -> Tensor:
        """What is shown -> (B, D): the state from which a name would be written."""
        return self(shown)[0]

    def forward(self, shown: Tensor | Shown) -> tuple[Tensor, Tensor]:
        """What is shown -> (B, D) features and (B, C) float32: log-likelihoods of names, nats, as the head scores them.

        Raises:
            ValueError: Pictures of a size that the model does not take.
        """
        seen = shown if isinstance(shown, Shown) else whole(shown)
        if len(seen.images) and seen.images.shape[-1] != self.side:
            raise ValueError(f"its pictures have {self.side} px, and no other")
        pieces = 1 if torch.is_grad_enabled() else -(-len(seen) // AT_ONCE)
        said = [self._said(piece) for piece in seen.tensor_split(max(1, pieces))]
        return torch.cat([features for features, _ in said]), torch.cat([logits for _, logits in said])

    def remember_pictures(self) -> None:
        """Keep the tokens of pictures from now on, as long as nothing that computes them learns."""
        model = self.network.model
        self._seen = SeenPictures(model.vision_tower, model.multi_modal_projector)

    def checkpoint_gradients(self) -> None:
        """Compute activations anew in the backward pass instead of keeping them."""
        recompute(self.network)

    def files(self) -> Files:
        """The configuration and the processor."""
        return self.wording.files()

    def _said(self, seen: Shown) -> tuple[Tensor, Tensor]:
        prompts, found = self._prompts(seen), list[Tensor]()
        groups = self._names.all if seen.kept is None else self._names.some(seen.kept)
        features = prompts.ids.new_zeros(0)
        for _, trie in groups:
            features, scores = log_likelihoods(self.network, prompts, trie.to(prompts.ids.device))
            found.append(self._each(scores, trie))
        scores, prior = torch.cat(found, dim=1), cast(NamesHeadSpec, self.head_spec).prior
        if prior:
            features, scores = features[:-1], scores[:-1] - prior * scores[-1:]
        logits = self._names.placed(scores, groups)
        return features.float(), logits

    def _each(self, scores_bc: Tensor, trie: Trie) -> Tensor:
        per_token = cast(NamesHeadSpec, self.head_spec).per_token
        return scores_bc / trie.lengths.to(scores_bc.device) if per_token else scores_bc

    def _prompts(self, seen: Shown) -> Prompts:
        """Those of the samples, and for a prior one more, that shows and says nothing."""
        texts = seen.texts if self.reads_texts else ("",) * len(seen)
        rows = [self.wording.prompt(text, bool(count)) for text, count in zip(texts, seen.pictures, strict=True)]
        if cast(NamesHeadSpec, self.head_spec).prior:
            rows.append(self.wording.prompt("", picture=False))
        longest, where = max(map(len, rows)), cast(Tensor, self.mean).device
        pad = self.wording.pad
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=where)
        lengths = torch.tensor([len(row) for row in rows], device=where)
        there = torch.arange(longest, device=where) >= longest - lengths[:, None]
        return Prompts(ids, there, ids == self.wording.image, self._tokens(seen.images) if len(seen.images) else None)

    def _tokens(self, images: Tensor) -> Tensor:
        """(P, K, H) of (P, 3, S, S) pixels."""
        return self._look(images) if self._seen is None else self._seen.tokens(images, self._look)

    def _look(self, images: Tensor) -> Tensor:
        seen = cast(Tensor, self.network.get_image_features(self.normalised(images)).pooler_output)
        return seen.to(self.network.get_input_embeddings().weight.dtype)  # as it will stand among the words


def _leave_tied_out(model: Vlm, network: Any) -> None:
    """Let a weight that is another one's be stored once: a file of tensors holds each by one name."""
    tied = cast(dict[str, str], getattr(network, "all_tied_weights_keys", None) or {})

    def leave_out(_: object, state: dict[str, Tensor], prefix: str, __: object) -> None:
        for name in tied:
            state.pop(f"{prefix}network.{name}", None)

    def give_back(_: object, state: dict[str, Tensor], prefix: str, *__: object) -> None:
        for name, other in tied.items():
            if f"{prefix}network.{other}" in state:
                state.setdefault(f"{prefix}network.{name}", state[f"{prefix}network.{other}"])

    model.register_state_dict_post_hook(leave_out)
    model.register_load_state_dict_pre_hook(give_back)
