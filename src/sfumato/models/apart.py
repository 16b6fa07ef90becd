"""A network of modules of its own on the weights of another."""

import copy

from torch import nn

from sfumato.models.network import Network


def apart(network: Network) -> Network:
    """The same network again: what is hooked onto one is not called by the other, in whatever threads they compute.

    Both have one copy of the parameters, which must not change any more; those of the new one take no gradients, so
    that nothing is kept for a backward pass before the place from which it is asked for. Buffers are copied.
    """
    shared = {id(one): nn.Parameter(one.detach(), requires_grad=False) for one in network.parameters()}
    return copy.deepcopy(network, shared)
