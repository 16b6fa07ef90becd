"""What each token of a prompt and of the tree of names behind it may look at.

Shapes: B samples, P prompt tokens, N nodes of the tree, L = P + N.
"""

from typing import Any

import torch
from torch import Tensor

from sfumato.models.vlm.trie import Trie

UNSEEN = -1e30
"""Added to what is not looked at; bfloat16 has such numbers too."""


def positions(there_bp: Tensor, trie: Trie) -> Tensor:
    """(B, L) int64 place of each token in its own sequence, from 0: names all begin where their prompt ends.

    Args:
        there_bp: (B, P) bool, which tokens are no padding; that stands on the left.
        trie: Of the names.
    """
    prompt_bp = (there_bp.cumsum(dim=1) - 1).clamp(min=0)
    names_bn = there_bp.sum(dim=1, keepdim=True) + trie.depths
    return torch.cat([prompt_bp, names_bn], dim=1)


def visible(there_bp: Tensor, image_bp: Tensor, trie: Trie) -> Tensor:
    """(B, L, L) bool, who (row) looks at whom (column).

    A prompt is read from left to right, but for the tokens of one picture, which see each other; a node of the tree
    sees the prompt, the nodes on its path, and itself.

    Args:
        there_bp: (B, P) bool, which tokens are no padding.
        image_bp: (B, P) bool, which are of a picture that is seen as a whole.
        trie: Of the names.
    """
    samples, prompt = there_bp.shape
    nodes, where = len(trie.tokens), there_bp.device
    begins_bp = image_bp & ~torch.nn.functional.pad(image_bp, (1, 0))[:, :-1]
    block_bp = torch.where(image_bp, begins_bp.cumsum(dim=1), 0)
    together = (block_bp[:, :, None] == block_bp[:, None]) & image_bp[:, :, None]
    earlier = torch.ones(prompt, prompt, dtype=torch.bool, device=where).tril()
    upper = torch.cat([earlier | together, torch.zeros(samples, prompt, nodes, dtype=torch.bool, device=where)], dim=2)
    kin = trie.kin.expand(samples, nodes, nodes)
    lower = torch.cat([torch.ones(samples, nodes, prompt, dtype=torch.bool, device=where), kin], dim=2)
    real_bl = torch.cat([there_bp, there_bp.new_ones(samples, nodes)], dim=1)
    return torch.cat([upper, lower], dim=1) & real_bl[:, None]


def masks(config: Any, visible_bll: Tensor, positions_bl: Tensor, dtype: torch.dtype) -> Any:
    """What transformers' decoders take as `attention_mask`: (B, 1, L, L) to be added, one for each kind of layer.

    Args:
        config: Of the decoder; where it has no kinds of layers, one mask is for all.
        visible_bll: (B, L, L) bool, as of `visible`.
        positions_bl: (B, L), as of `positions`; layers with a sliding window see so far back.
        dtype: Of the decoder's arithmetic.
    """
    kinds = set(getattr(config, "layer_types", None) or ())
    if not kinds:
        return _added(visible_bll, dtype)
    near_bll = visible_bll
    if kinds != {"full_attention"}:
        near_bll = visible_bll & (positions_bl[:, None] > positions_bl[:, :, None] - config.sliding_window)
    return {kind: _added(visible_bll if kind == "full_attention" else near_bll, dtype) for kind in kinds}


def _added(seen_bll: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where seen, elsewhere far below: not endlessly, so that a row of padding, which sees nothing, is no nan."""
    return torch.zeros(seen_bll.shape, dtype=dtype, device=seen_bll.device).masked_fill(~seen_bll, UNSEEN)[:, None]
