"""Images to complete from their upper or lower half, after having seen them once in a life.

Source: Miconi, Clune & Stanley, "Differentiable plasticity", ICML 2018, section on natural images, figure 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from memory_tasks.image_sources import GreyImages, shrunk
from memory_tasks.task import Episodes


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The steps of an episode."""

    show: int
    """Steps for which an image is shown."""
    blank: int
    """Steps after it in which nothing is."""
    cycles: int
    """How often all images are shown."""
    recall: int
    """Steps for which half an image is shown at the end."""


class ImageTask:
    """Episodes in which images are shown several times, in random orders, and half of one at the end.

    Neurons are clamped to what is shown: `Episodes.inputs` [T, B, N] holds the activity that each of the N =
    size * size + 1 neurons is clamped to, NaN where it is free. The first size * size are the pixels, row by
    row, all free in blank steps, the erased half free at the end; the last one is clamped to 1, as a bias.
    `Episodes.targets` [B, size * size] holds the pixels of the erased half, NaN where the pixel was given.

    Args:
        source: The images.
        size: Pixels along a side; even, and dividing that of the source.
        images: Images in an episode.
        timing: Its steps.

    Raises:
        ValueError: If the source has fewer images.
    """

    error_name = "mean squared error of the hidden half"

    def __init__(self, source: GreyImages, size: int, images: int, timing: Timing) -> None:
        for kind, pool in zip(("training", "test"), source, strict=True):
            if len(pool) < images:
                raise ValueError(
                    f"an episode shows {images} different images (--images), but there are only {len(pool)} "
                    f"{kind} images with enough contrast"
                )
        self.size = size
        self.images = images
        self.timing = timing
        self._source = source

    def sample(self, count: int, generator: torch.Generator, held_out: bool = False) -> Episodes:
        """Draw episodes; see :class:`ImageTask` for what they hold."""
        B, K, timing = count, self.images, self.timing
        pool = self._source.test if held_out else self._source.train
        picks = torch.ones(len(pool)).expand(B, -1).multinomial(K, generator=generator)  # all different
        images = normalised(shrunk(pool[picks], self.size))  # [B, K, pixels]
        orders = torch.rand(B, timing.cycles, K, generator=generator).argsort(-1)
        hidden = torch.arange(2) == torch.randint(2, (B, 1), generator=generator)  # upper half, lower half
        hidden = hidden.repeat_interleave(self.size**2 // 2, dim=1)

        everyone = torch.arange(B).view(B, 1, 1)
        shown = torch.full((B, timing.cycles, K, timing.show + timing.blank, self.size**2), torch.nan)
        shown[..., : timing.show, :] = images[everyone, orders].unsqueeze(-2)
        asked = images[:, 0]  # the images are in no order
        cue = asked.masked_fill(hidden, torch.nan).unsqueeze(1).expand(-1, timing.recall, -1)
        pixels = torch.cat([shown.flatten(1, 3), cue], dim=1).transpose(0, 1)
        inputs = torch.cat([pixels, torch.ones(*pixels.shape[:2], 1)], dim=2)
        return Episodes(inputs, asked.masked_fill(~hidden, torch.nan))

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error over the hidden halves of all episodes; answers are pixels [B, size * size]."""
        return hidden_errors(answers, targets).mean()

    def errors(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error over the hidden half of each episode [B]."""
        return hidden_errors(answers.detach(), targets)

    def mean_image(self) -> Tensor:
        """The mean [size * size] of the normalised training images."""
        chunks = [normalised(shrunk(chunk, self.size)) for chunk in self._source.train.split(4096)]
        return torch.cat(chunks).mean(0)


def hidden_errors(answers: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error [B] of answers [B, pixels] where targets [B, pixels] are not NaN."""
    hidden = ~targets.isnan()
    return ((answers[hidden] - targets[hidden]) ** 2).view(len(targets), -1).mean(1)


def normalised(images: Tensor) -> Tensor:
    """Grey images [..., S, S] -> [..., S * S] with mean 0, the largest magnitude of each 1."""
    pixels = images.flatten(-2)
    pixels = pixels - pixels.mean(-1, keepdim=True)
    # Shrinking can take all contrast from a fine pattern.
    return pixels / pixels.abs().amax(-1, keepdim=True).clamp(min=1e-3)
