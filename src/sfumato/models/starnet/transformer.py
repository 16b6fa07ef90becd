"""A block of a Transformer with its norms before either branch: Xiong et al., ICML 2020."""

from torch import Tensor, nn

from sfumato.models.starnet.attention import SelfAttention


class TransformerBlock(nn.Module):
    """(B, N, D) -> (B, N, D).

    Args:
        width: D.
        heads: Of its attention.
        ratio: Hidden units of its second branch, in D.
    """

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), SelfAttention(width, heads))
        hidden = nn.Linear(width, ratio * width)
        self.mlp = nn.Sequential(nn.LayerNorm(width), hidden, nn.GELU(), nn.Linear(ratio * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """As the class says."""
        tokens = tokens + self.attention(tokens)
        return tokens + self.mlp(tokens)
