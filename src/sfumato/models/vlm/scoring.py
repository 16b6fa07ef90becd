"""The exact log-likelihood of every candidate name after a prompt, all of them in one pass.

A name's score is the sum of the log-probabilities of its tokens, its end included. The names stand behind the prompt as
a tree, each node seeing its own path alone (tree attention: Miao et al., SpecInfer, ASPLOS 2024), so the prompt and its
picture are read once, and so is what names have in common. Choosing the likeliest token again and again instead, even
among those of the candidates alone, need not find the likeliest name.

Shapes: B samples, P prompt tokens, N nodes, E edges, C candidates, K image tokens of a picture, H hidden, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils import checkpoint

from sfumato.models.vlm.attention import masks, positions, visible
from sfumato.models.vlm.trie import Trie

AT_ONCE = 2**26
"""Numbers over the vocabulary that are held at a time: 256 MB of float32."""


@dataclass(frozen=True)
class Prompts:
    """B prompts as a model reads them."""

    ids: Tensor
    """(B, P) int64, padded on the left."""
    there: Tensor
    """(B, P) bool, which tokens are no padding."""
    image: Tensor
    """(B, P) bool, which stand for a piece of a picture."""
    pictures: Tensor | None
    """(pictures, K, H) what stands there, picture by picture; None = no prompt has one."""


def log_likelihoods(network: Any, prompts: Prompts, trie: Trie) -> tuple[Tensor, Tensor]:
    """(B, H) hidden state at the end of each prompt, and (B, C) float32 log-likelihoods of the names, nats.

    Args:
        network: A causal vision-language model of transformers.
        prompts: To be gone on with.
        trie: Of the names, where the prompts are.
    """
    hidden_bsh = read(network, prompts, trie)
    steps_be = torch.cat(list(_edges(network.get_output_embeddings(), hidden_bsh, trie)), dim=1)
    padded_be = torch.cat([steps_be, steps_be.new_zeros(len(steps_be), 1)], dim=1)
    return hidden_bsh[:, 0], padded_be[:, trie.paths].sum(dim=2)


def read(network: Any, prompts: Prompts, trie: Trie) -> Tensor:
    """(B, 1 + N, H) hidden states: at the end of each prompt, and at each node of the names behind it."""
    samples, prompt = prompts.ids.shape
    ids_bl = torch.cat([prompts.ids, trie.tokens.expand(samples, -1)], dim=1)
    image_bl = torch.nn.functional.pad(prompts.image, (0, len(trie.tokens)))
    vectors = cast(Tensor, network.get_input_embeddings()(ids_bl.masked_fill(image_bl, 0)))
    if prompts.pictures is not None:
        vectors = vectors.masked_scatter(image_bl[:, :, None], prompts.pictures.to(vectors.dtype))
    config, places = network.config.get_text_config(), positions(prompts.there, trie)
    seen = visible(prompts.there, prompts.image & _as_a_whole(network.config), trie)
    said = network.get_decoder()(
        inputs_embeds=vectors,
        attention_mask=masks(config, seen, places, vectors.dtype),
        position_ids=places,
        use_cache=False,
    )
    return cast(Tensor, said.last_hidden_state)[:, prompt - 1 :]


def _as_a_whole(config: Any) -> bool:
    """Whether the tokens of a picture see each other, the later ones too."""
    return config.model_type == "gemma3"


def _edges(output: torch.nn.Module, hidden_bsh: Tensor, trie: Trie) -> Iterator[Tensor]:
    """(B, some of E) log-probabilities of edges, over as many places at a time as memory is meant for."""
    samples, places = hidden_bsh.shape[:2]
    step = max(1, AT_ONCE // (samples * len(cast(Tensor, output.weight))))
    starts = list(range(0, places, step))
    bounds = cast(list[int], torch.searchsorted(trie.sources.cpu(), torch.tensor([*starts, places])).tolist())
    again = torch.is_grad_enabled() and hidden_bsh.requires_grad
    for start, first, last in zip(starts, bounds[:-1], bounds[1:], strict=True):
        sources, nexts = trie.sources[first:last] - start, trie.nexts[first:last]
        some = (output, hidden_bsh[:, start : start + step], sources, nexts)
        yield _log_probabilities_anew(*some) if again else _log_probabilities(*some)


def _log_probabilities(output: torch.nn.Module, hidden_bsh: Tensor, sources: Tensor, nexts: Tensor) -> Tensor:
    """(B, some of E) log p(next | all up to the source)."""
    logits_bsv = cast(Tensor, output(hidden_bsh)).float()
    norms_bs = logits_bsv.logsumexp(dim=2)
    return logits_bsv[:, sources, nexts] - norms_bs[:, sources]


def _log_probabilities_anew(output: torch.nn.Module, hidden_bsh: Tensor, sources: Tensor, nexts: Tensor) -> Tensor:
    """The same, computed once more in the backward pass: what is as wide as the vocabulary is never kept."""
    anew = cast(Any, checkpoint).checkpoint
    return anew(_log_probabilities, output, hidden_bsh, sources, nexts, use_reentrant=False)
