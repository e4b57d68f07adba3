"""Characters to tell apart after one look: episodes of the Omniglot task.

Source: Miconi, Clune & Stanley, "Differentiable plasticity: training plastic neural networks with
backpropagation", ICML 2018, section on Omniglot.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from memory_tasks.omniglot_data import Characters
from memory_tasks.task import Episodes


class OmniglotTask:
    """N characters, K drawings of each with its label, then Q drawings of them that must be labelled.

    An episode has T = N K + Q steps. At each the input is a drawing and a label, one-hot; at the last Q, the
    queries, the label is zero. Drawings come in random order, none of them twice, and labels are dealt at
    random. The first N queries are one of each character, in random order, and so on.

    Args:
        characters: What is drawn.
        ways: N, characters in an episode, all different.
        shots: K, drawings of each that are shown with their label.
        queries: Q.

    Raises:
        ValueError: If there are too few characters or drawings for such an episode.
    """

    error_name = "share of wrong answers"

    def __init__(self, characters: Characters, ways: int, shots: int, queries: int) -> None:
        self.characters = characters
        self.ways = ways
        self.shots = shots
        self.queries = queries
        self.each = shots + -(-queries // ways)
        """Drawings of a character that an episode can need."""
        for name, drawings in characters._asdict().items():
            classes, drawn = drawings.shape[:2]
            if ways > classes:
                raise ValueError(f"ways must be at most {classes}, the characters to {name} with, got {ways}")
            if self.each > drawn:
                raise ValueError(
                    f"an episode of --shots {shots} and --queries {queries} needs {self.each} drawings of a "
                    f"character, but there are {drawn}"
                )

    def sample(self, count: int, generator: torch.Generator, held_out: bool = False) -> Episodes:
        """Inputs [T, B, pixels + N] and labels [B, Q] of the queries; see :class:`memory_tasks.task.Task`."""
        return self.sample_with_classes(count, generator, held_out)[0]

    def sample_with_classes(
        self, count: int, generator: torch.Generator, held_out: bool = False
    ) -> tuple[Episodes, Tensor]:
        """Like :meth:`sample`, and which character each label stood for [B, N]."""
        drawings = self.characters.test if held_out else self.characters.train
        classes, drawn = drawings.shape[:2]
        character = _distinct(count, classes, self.ways, generator)
        which = _distinct(count * self.ways, drawn, self.each, generator).view(count, self.ways, self.each)

        shown = _distinct(count, self.ways * self.shots, self.ways * self.shots, generator)
        asked = _distinct(count, self.ways, self.ways, generator)
        query = torch.arange(self.queries)
        label = torch.cat([shown % self.ways, asked[:, query % self.ways]], dim=1)
        nth = torch.cat([shown // self.ways, (self.shots + query // self.ways).expand(count, -1)], dim=1)

        row = torch.arange(count).unsqueeze(1)
        pixels = drawings[character[row, label], which[row, label, nth]].flatten(2) / 255
        told = one_hot(label, self.ways).float()
        told[:, -self.queries :] = 0
        inputs = torch.cat([pixels, told], dim=2).transpose(0, 1)
        return Episodes(inputs, label[:, -self.queries :]), character

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of the softmax of `answers` [B, Q, N]."""
        return cross_entropy(answers.flatten(0, 1), targets.flatten())

    def errors(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Share of an episode's queries that are answered wrongly [B]."""
        return (answers.argmax(2) != targets).float().mean(1)


def _distinct(count: int, among: int, chosen: int, generator: torch.Generator) -> Tensor:
    """Rows of different whole numbers below `among`, in random order [count, chosen]."""
    return torch.rand(count, among, generator=generator).topk(chosen).indices
