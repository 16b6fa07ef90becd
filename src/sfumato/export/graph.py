"""A network as an ONNX graph: pixels in, features and logits out, the number of pictures left open.

Shapes: B pictures, C classes, D features, S pixels a side.
"""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from sfumato.errors import InputError
from sfumato.export.silence import silence
from sfumato.models.cnn_rnn.cnn_rnn import CnnRnn
from sfumato.models.extra import library
from sfumato.models.network import Network
from sfumato.predict.graphs import FEATURES, INPUT, LOGITS

MOST = 65_536
"""Pictures at once that a graph promises to take."""


class _Whole(nn.Module):
    """(B, 3, S, S) uint8 -> (B, D) what the head sees and (B, C) logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.network(images.float())
        return self.network.completed(features).float(), logits


def write_graph(network: Network, side: int, path: Path) -> None:
    """Write a network of pictures alone, in evaluation mode, as a graph with its weights in one file.

    Args:
        network: Its normalisation becomes part of the graph.
        side: Pixels a side that the graph takes.
        path: A new file.

    Raises:
        InputError: An extra is missing, the network names classes one after another, or an operation of it has no ONNX
            form.
    """
    library("onnxscript", "export", "--to onnx")
    if isinstance(network, CnnRnn):
        what = "the network names classes one after another, and a graph says all at once"
        raise InputError(what, setting="--to onnx", expected="a bundle of model.kind: image")
    whole = _Whole(copy.deepcopy(network).cpu()).eval()
    example = torch.zeros(2, 3, side, side, dtype=torch.uint8)
    open_batch = {"images": {0: torch.export.Dim("batch", min=1, max=MOST)}}
    try:
        with silence():
            torch.onnx.export(
                whole,
                (example,),
                path,
                input_names=[INPUT],
                output_names=[FEATURES, LOGITS],
                dynamic_shapes=open_batch,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # of many kinds, by what could not be translated
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(f"the network can't be written as an ONNX graph: {reason}", setting="--to onnx") from error
