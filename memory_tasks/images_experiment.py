"""The image task on the command line: its settings, its networks, its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from torch import nn

from agents.limits import STEPS, check_whole
from commands.count import Count
from memory_tasks.experiment import Experiment
from memory_tasks.image_networks import ClampedPlastic, ClampedRNN
from memory_tasks.image_sources import HOW_TO_GET, SIDE, cifar10, photograph
from memory_tasks.images import ImageTask, Timing

SIZES = tuple(size for size in range(2, SIDE + 1, 2) if SIDE % size == 0)
"""What --size can be: halves of whole pixels, and the images of the sources divide evenly."""


@dataclass(frozen=True, kw_only=True)
class ImagesExperiment(Experiment):
    """Complete images seen for the first time from one half (figure 4 of Miconi et al. 2018).

    An episode shows grey images from CIFAR-10 (without --data: patches of a photograph that matplotlib
    ships) several times, then the upper or lower half of one of them; the rest must come from memory.
    `plastic` is a network with a neuron for each pixel, `rnn` the same without plasticity.
    """

    name: ClassVar[str] = "images"
    known_networks: ClassVar[dict[str, float]] = {"plastic": 1e-4, "rnn": 1e-4}

    networks: tuple[str, ...] = ("plastic", "rnn")
    """Networks to train: plastic, rnn."""
    episodes: Count = 20_000
    """Episodes to train for."""
    size: int = 32
    """Side of the images in pixels: 32, or 16 (and less) for a quick run."""
    images: int = 3
    """Images in an episode."""
    show: int = 20
    """Steps for which an image is shown."""
    blank: int = 2
    """Blank steps after each image."""
    cycles: int = 3
    """How often all images are shown, in a new order each time."""
    recall: int = 3
    """Steps at the end for which half an image is shown."""
    data: Path | None = None
    """Folder with CIFAR-10's binary version."""
    source: Literal["cifar10", "photograph"] | None = None
    """Where images come from; by default CIFAR-10 with --data, otherwise the photograph."""

    def __post_init__(self) -> None:
        if self.source is None:  # paths are not kept with the settings of a run, the source is
            object.__setattr__(self, "source", "photograph" if self.data is None else "cifar10")

    @property
    def has_images(self) -> bool:
        """Whether the images can be read: where CIFAR-10 lies is not kept with a run."""
        return self.source == "photograph" or self.data is not None

    def check(self) -> None:
        """See :meth:`Experiment.check`."""
        super().check()
        if self.size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}")
        self.check_sizes(
            images=(1, STEPS), show=(1, STEPS), blank=(0, STEPS), cycles=(1, STEPS), recall=(1, STEPS)
        )
        steps = self.images * (self.show + self.blank) * self.cycles + self.recall
        check_whole("the number of steps of an episode", steps, 1, STEPS)
        self.check_memory(steps, self.size**2 + 1)
        if self.source == "photograph" and self.data is not None:
            raise ValueError(f"source photograph uses no data from disk, but --data is {self.data}")

    def task(self) -> ImageTask:
        """See :meth:`Experiment.task`."""
        source = cifar10(self._folder()) if self.source == "cifar10" else photograph()
        timing = Timing(show=self.show, blank=self.blank, cycles=self.cycles, recall=self.recall)
        return ImageTask(source, self.size, self.images, timing)

    def network(self, name: str) -> nn.Module:
        """See :meth:`Experiment.network`."""
        neurons = self.size**2 + 1
        return ClampedPlastic(neurons) if name == "plastic" else ClampedRNN(neurons)

    def pictures(self, folder: Path, report: Path) -> list[Path]:
        """See :meth:`Experiment.pictures`."""
        # Here, because the files that it reads are read by means of this class.
        from memory_tasks.image_pictures import write_pictures

        return write_pictures(self, folder, report)

    def _folder(self) -> Path:
        if self.data is None:
            raise ValueError(f"source cifar10 needs --data. {HOW_TO_GET}")
        return self.data
