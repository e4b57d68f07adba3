"""What goes on inside one player, beside or beneath its maze."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from plastic_maze.rendering import import_pygame
from viewer import charts
from viewer.inspection import CHANGE_STEPS, Floats, PlasticWeights
from viewer.moment import Moment
from viewer.style import FAINT, INK, PAPER, write

_ACTIONS = ("up", "down", "left", "right")
_GAP = 14
_ABOUT = {
    "you": "Arrow keys walk. You see what an agent sees, and no more.",
    "random": "Takes every action equally often.",
    "planner": "Sees what an agent sees, remembers everything and reckons exactly.",
    "oracle": "Is told where it is and where the goal is.",
}

_Block = Callable[[Any, Any, Moment, float], None]


def draw_panel(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    """Draw the panel of one player.

    Args:
        surface: Where.
        box: A pygame.Rect; nothing is drawn outside.
        moment: The player.
        unit: See :mod:`viewer.charts`.
    """
    plastic = moment.inspection is not None and moment.inspection.plastic is not None
    memory = _weights if plastic else _state
    if moment.inspection is None:
        hits, words = _rows(box, (0.45, 0.55), unit)
        _hits(surface, hits, moment, unit)
        about = _ABOUT.get(moment.label, "")
        write(surface, about, words.move(0, -words.height // 3), 14 * unit, FAINT)
    elif box.height > 0.75 * box.width:
        first, second, third = _rows(box, (0.24, 0.22, 0.54), unit)
        _side_by_side(surface, first, ((_hits, 1), (_value, 1)), moment, unit)
        _side_by_side(surface, second, ((_chances, 1), (_hidden, 1)), moment, unit)
        memory(surface, third, moment, unit)
    else:
        first, second = _rows(box, (0.37, 0.63), unit)
        _side_by_side(surface, first, ((_hits, 1), (_value, 1), (_chances, 1)), moment, unit)
        _side_by_side(surface, second, ((_hidden, 1), (memory, 3.2)), moment, unit)


def _rows(box: Any, shares: Sequence[float], unit: float) -> list[Any]:
    """Split a box into rows."""
    pygame = import_pygame()
    gap = round(_GAP * unit)
    room = box.height - gap * (len(shares) - 1)
    rows, top = [], box.top
    for share in shares:
        rows.append(pygame.Rect(box.left, top, box.width, max(1, round(room * share))))
        top = rows[-1].bottom + gap
    return rows


def _columns(box: Any, shares: Sequence[float], gap: int) -> list[Any]:
    """Split a box into columns."""
    pygame = import_pygame()
    room, total = box.width - gap * (len(shares) - 1), sum(shares)
    columns, left = [], box.left
    for share in shares:
        columns.append(pygame.Rect(left, box.top, max(1, round(room * share / total)), box.height))
        left = columns[-1].right + gap
    return columns


def _side_by_side(
    surface: Any, box: Any, blocks: Sequence[tuple[_Block, float]], moment: Moment, unit: float
) -> None:
    places = _columns(box, [share for _, share in blocks], round(1.6 * _GAP * unit))
    for (block, _), place in zip(blocks, places, strict=True):
        block(surface, place, moment, unit)


def _hits(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    rest = charts.titled(surface, box, "steps to each hit", unit)
    charts.bars(surface, rest, moment.legs_to_hits, unit)


def _value(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    assert moment.inspection is not None
    rest = charts.titled(surface, box, "value estimate", unit, f"{moment.inspection.value:.2f}")
    charts.curve(surface, rest, moment.values, moment.max_steps, moment.hit_steps, unit)


def _chances(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    assert moment.inspection is not None
    rest = charts.titled(surface, box, "next action", unit, "probability")
    charts.chances(surface, rest, _ACTIONS, moment.inspection.probabilities.tolist(), unit)


def _hidden(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    assert moment.inspection is not None
    hidden = moment.inspection.hidden
    _vector(surface, box, f"activity of {len(hidden)} neurons", hidden, 1.0, unit)


def _vector(surface: Any, box: Any, title: str, values: Floats, bound: float, unit: float) -> None:
    rest = charts.titled(surface, box, title, unit)
    scale, rest.height = round(14 * unit), max(1, rest.height - round(17 * unit))
    charts.cells(surface, rest, values, bound)
    line = rest.move(0, rest.height + round(3 * unit))
    line.height = scale
    line.width = min(rest.width, round(200 * unit))
    charts.heat_scale(surface, line, bound, unit)


def _weights(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    """The matrices of plastic weights, each with its scale."""
    assert moment.inspection is not None
    plastic = moment.inspection.plastic
    assert plastic is not None
    shown = _matrices(plastic, moment.inspection.state, moment.elapsed)
    gap, above, below = round(_GAP * unit), round(22 * unit), round(16 * unit)
    places = _columns(box.inflate(0, -above), [1] * len(shown), gap)
    room = places[0].inflate(0, -above - below)
    pool = charts.pooling(len(plastic.hebb), room)
    note = "from row to column" + (f", means of {pool} x {pool}" if pool > 1 else "")
    rest = charts.titled(surface, box, "plastic weights", unit, note)
    for (title, values), place in zip(shown, places, strict=True):
        place.top = rest.top
        values = charts.pooled(values, pool)
        bound = charts.nice_bound(values)
        inside = charts.titled(surface, place, title, 0.92 * unit)
        inside.height = max(1, inside.height - below)
        taken = charts.heat_map(surface, inside, values, bound)
        line = taken.move(0, taken.height + round(2 * unit))
        line.height = round(14 * unit)
        charts.heat_scale(surface, line, bound, unit)


def _matrices(plastic: PlasticWeights, state: tuple[Floats, ...], elapsed: int) -> list[tuple[str, Floats]]:
    """Titles and matrices."""
    shown = [("hebb", plastic.hebb)]
    if plastic.weighed is not None:
        shown.append(("α · hebb", plastic.weighed))
    shown.append((f"change, {min(CHANGE_STEPS, elapsed)} steps", plastic.change))
    shown += [("trace", leaf) for leaf in state if leaf.shape == plastic.hebb.shape]
    return shown


def _state(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    """What a core without plastic weights carries from step to step."""
    assert moment.inspection is not None
    leaves = [leaf for leaf in moment.inspection.state if leaf.ndim == 1]
    if not leaves:
        rest = charts.titled(surface, box, "no plastic weights", unit)
        rest.height = round(24 * unit)
        write(surface, "All it remembers is the activity of its neurons.", rest, 13 * unit, FAINT)
        return
    for place, leaf in zip(_rows(box, [1 / len(leaves)] * len(leaves), unit), leaves, strict=True):
        bound = charts.nice_bound(leaf)
        _vector(surface, place, "no plastic weights; its state beside the activity", leaf, bound, unit)


def draw_numbers(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    """Name, return, hits and time left, in one line."""
    name, *numbers = _columns(box, (2.4, 1.5, 1, 1.7), round(8 * unit))
    write(surface, moment.label, name, 17 * unit, INK)
    texts = (
        f"return {moment.score:.1f}",
        f"hits {len(moment.hit_steps)}",
        f"{moment.max_steps - moment.elapsed} steps left",
    )
    for text, place, align in zip(texts, numbers, (0.5, 0.5, 1.0), strict=True):
        write(surface, text, place, 17 * unit, INK, align=align)


def draw_cue(surface: Any, box: Any, cue: Sequence[float], unit: float) -> None:
    """The cue: a square for each entry."""
    pygame = import_pygame()
    used = write(surface, "cue", box, 13 * unit, INK)
    area = pygame.Rect(box.left + used + round(8 * unit), box.top, box.width, round(0.8 * box.height))
    area.width = min(box.right - area.left, len(cue) * area.height)
    area.centery = box.centery
    area = charts.heat_map(surface, area, np.array([cue], dtype=np.float32), 1.0)
    for place in range(1, len(cue)):
        x = area.left + round(place * area.width / len(cue))
        pygame.draw.line(surface, PAPER, (x, area.top), (x, area.bottom - 1), max(1, round(2 * unit)))
