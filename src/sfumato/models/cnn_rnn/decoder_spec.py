"""What a recipe may say of the part that writes classes one after another."""

from typing import Annotated, Literal

from pydantic import Field

from sfumato.models.heads import Dropout
from sfumato.spec import Spec

Order = Literal["pla", "mla", "freq", "rare", "random"]
"""In which order the classes of a picture are taught; see `training.label_order`."""
Weight = Annotated[float, Field(ge=0, le=1000)]


class DecoderSpec(Spec):
    """A recurrent network that names a class at a time, how it is taught, and how it is asked."""

    cell: Literal["gru", "lstm"] = "gru"
    """What remembers which classes were named."""
    layers: Annotated[int, Field(ge=1, le=8)] = 2
    """Of the cell, one on another."""
    hidden: Annotated[int, Field(ge=1, le=10_000)] = 512
    """Width of each layer; 384 to 512 are usual."""
    embedding: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Numbers that stand for a class."""
    dropout: Dropout = 0.3
    """Share of its inputs and hidden units switched off at random while training."""
    fusion: Literal["input", "output"] = "input"
    """Where the picture comes in: beside each class that is read (`input`), or beside what was remembered, both being
    compared with the very embeddings that are read (`output`, as in Wang et al.)."""
    order: Order = "pla"
    """In which order the classes of a picture are taught: `pla`, that in which it would name them itself, what it names
    rightly staying where it is; `mla`, that of least loss (both Yazici et al., CVPR 2020); `freq`, frequent ones first;
    `rare`, rare ones first; `random`, another one each time."""
    beam: Annotated[int, Field(ge=1, le=1000)] = 5
    """Sequences that are followed side by side when it is asked, and that its scores are made of."""
    longest: Annotated[int, Field(ge=1)] | None = None
    """Most classes that it names of a picture; none = all there are."""
    head_weight: Weight = 1.0
    """How much the head's loss counts, that of the timeline's `loss` track."""
    sequence_weight: Annotated[float, Field(gt=0, le=1000)] = 0.5
    """How much the cross-entropy of what it writes counts."""
    coverage_weight: Weight = 0.1
    """How much naming a class again counts (See et al., ACL 2017, of probabilities in place of attention)."""
    head_share: Literal["fitted"] | Annotated[float, Field(ge=0, le=1)] = "fitted"
    """Share of the head in a class's score, 0 to 1, the rest being the decoder's; `fitted` on the validation part."""
