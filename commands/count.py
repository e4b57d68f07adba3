"""Counts on the command line: 300000, 300_000, 300k, 3e5."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

FACTORS = {"k": 10**3, "M": 10**6, "G": 10**9}
"""What a letter after a number stands for."""
MOST_DIGITS = 18


def read_count(text: str) -> int:
    """The whole number that `text` says.

    Raises:
        ValueError: If it says none, or one of more than 18 digits.
    """
    letter = text[-1:]
    factor = FACTORS.get(letter) or FACTORS.get(letter.lower()) or FACTORS.get(letter.upper())
    try:
        number = Decimal(text[:-1] if factor else text) * (factor or 1)
    except ArithmeticError:  # no number, or one with too long an exponent
        number = Decimal("nan")
    if not number.is_finite() or number.adjusted() >= MOST_DIGITS or number != int(number):
        raise ValueError(f"must be a whole number such as 300000, 300k, 25M or 1e6, got {text!r}")
    return int(number)


def _spec(optional: bool) -> PrimitiveConstructorSpec[int | None]:
    def read(words: list[str]) -> int | None:
        return None if optional and words == ["None"] else read_count(words[0])

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, int) or (optional and value is None),
        str_from_instance=lambda value: [str(value)],
    )


Count = Annotated[int, _spec(optional=False)]
"""A setting that is a whole number, which may be written as 25M or 1e6 on the command line."""
OptionalCount = Annotated[int | None, _spec(optional=True)]
"""The same, or None."""
