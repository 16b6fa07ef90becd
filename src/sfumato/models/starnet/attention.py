"""Self-attention that never holds its (N, N) weights, whatever the width of a head.

Shapes: B images, N tokens, D width of a token, H heads, E = D / H width of a head.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

ALIGNED = 8
"""Numbers in whose multiples GPUs' kernels want a head, in any precision. Other widths, such as 24 / 4 = 6, would
quietly fall back to one that writes all weights down: 157 MB an image at 3,136 tokens."""


class SelfAttention(nn.Module):
    """(B, N, D) -> (B, N, D): every token looks at every other.

    Args:
        width: D.
        heads: H, a divisor of it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """As the class says; zeros that fill a head up change no product of queries and keys, and are cut off after."""
        filled_up = -self.head_width % ALIGNED
        split = self.query_key_value(tokens).unflatten(2, (3, self.heads, self.head_width))
        query, key, value = F.pad(split, (0, filled_up)).permute(2, 0, 3, 1, 4)  # each (B, H, N, E)
        seen = F.scaled_dot_product_attention(query, key, value, scale=self.head_width**-0.5)
        return self.out(seen[..., : self.head_width].transpose(1, 2).flatten(2))
