"""Convolutions and a plastic layer: the network for Omniglot.

Source: Miconi, Clune & Stanley, "Differentiable plasticity: training plastic neural networks with
backpropagation", ICML 2018, section on Omniglot.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.cores.hebbian import trained_eta
from agents.cores.plastic import RULES
from memory_tasks.omniglot_data import SIDE

FEATURES = 64
KERNEL = 3
STRIDE = 2
LAYERS = 4
W_SCALE, ALPHA, ETA = 0.01, 0.5, 1.0
"""At the start w is uniform in [0, W_SCALE), alpha and eta are these: what is shown is remembered at once,
and equally well by all labels (from random alpha training took half as many episodes again, measured)."""
LABEL_DRIVE = 1000.0
"""What a label adds to its neuron's sum: the softmax is then the label."""
CHUNK = 80
"""Drawings that go through the convolutions together; their activity stays in the cache (measured)."""


class PixelConvolution(nn.Conv2d):
    """A convolution of images [B, H, W] as a product of matrices.

    With a single channel that is faster than PyTorch's way, so much that training is 1.7 times as fast.
    """

    def __init__(self) -> None:
        super().__init__(1, FEATURES, KERNEL, STRIDE)

    def forward(self, images: Tensor) -> Tensor:
        """The sums [B, FEATURES, H', W'], channels last in memory, as PyTorch's convolutions are fastest."""
        B = len(images)
        patches = images.unfold(1, KERNEL, STRIDE).unfold(2, KERNEL, STRIDE)
        _, height, width, *_ = patches.shape
        weights = self.weight.flatten(1).T.expand(B, -1, -1)
        sums = torch.baddbmm(self.get_parameter("bias"), patches.reshape(B, height * width, -1), weights)
        return sums.view(B, height, width, -1).permute(0, 3, 1, 2)


class Convolutions(nn.Module):
    """Four convolutions with tanh, 31 -> 15 -> 7 -> 3 -> 1: drawings [B, pixels] -> features [B, 64]."""

    def __init__(self) -> None:
        super().__init__()
        deeper = [nn.Conv2d(FEATURES, FEATURES, KERNEL, STRIDE) for _ in range(LAYERS - 1)]
        self.layers = nn.ModuleList([PixelConvolution(), *deeper])

    def forward(self, drawings: Tensor) -> Tensor:
        """What the last convolution makes of each drawing."""
        return torch.cat([self._features(chunk) for chunk in drawings.split(CHUNK)])

    def _features(self, drawings: Tensor) -> Tensor:
        x = drawings.reshape(-1, SIDE, SIDE)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x.flatten(1)


class OmniglotNetwork(nn.Module):
    """Features of a drawing, and a plastic layer from them to the labels.

    At a presentation x, with its label one-hot,
        post = softmax(features(x) (w + alpha * hebb) + 1000 * label)
        hebb <- hebb + eta * post * (features(x) - hebb * post)          Oja's rule
    and at a query the label is zero and hebb stays. Hebb starts each episode at zero.

    Args:
        ways: N, labels.
        presentations: Steps before the queries.
        shared_alpha: One alpha for all connections, rather than one for each.
    """

    def __init__(self, ways: int, presentations: int, shared_alpha: bool) -> None:
        super().__init__()
        self.ways = ways
        self.presentations = presentations
        self.features = Convolutions()
        self.w = nn.Parameter(W_SCALE * torch.rand(FEATURES, ways))
        self.alpha = nn.Parameter(torch.full(() if shared_alpha else (FEATURES, ways), ALPHA))
        self.eta = trained_eta(ETA, "network", ways)

    def forward(self, inputs: Tensor) -> Tensor:
        """Drawings with labels [T, B, pixels + N] -> sums of the softmax at each query [B, Q, N]."""
        T, B, _ = inputs.shape
        drawings, labels = inputs[..., : -self.ways], inputs[..., -self.ways :]
        features = self.features(drawings.flatten(0, 1)).view(T, B, FEATURES)
        hebb = features.new_zeros(B, FEATURES, self.ways)
        for pre, label in zip(features[: self.presentations], labels, strict=False):
            sums = (pre.unsqueeze(1) @ self.weights(hebb)).squeeze(1)
            post = torch.softmax(sums + LABEL_DRIVE * label, dim=1)
            hebb = RULES["oja"](hebb, pre.unsqueeze(2), post.unsqueeze(1), self.eta)
        return features[self.presentations :].transpose(0, 1) @ self.weights(hebb)

    def weights(self, hebb: Tensor) -> Tensor:
        """What a connection carries, with hebb [B, 64, N]."""
        return self.w + self.alpha * hebb
