"""Values from TOML or JSON as the fields of typed dataclasses, with errors that say what is accepted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from agents.limits import shown
from commands.spelling import did_you_mean

T = TypeVar("T")

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}


def from_table(cls: type[T], table: Any, where: str) -> T:
    """An instance of the dataclass `cls` from a table of TOML or an object of JSON.

    Args:
        cls: The dataclass.
        table: Values by field name; fields that are left out have their default.
        where: What errors call the table.

    Raises:
        ValueError: If it is not a table, a name is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(table, dict):
        raise ValueError(f"{where} must be a table of values by name, got {shown(table)}")
    values = checked(table, hints_of(cls), where)
    try:
        return cls(**values)
    except TypeError as error:  # one that has no default is missing
        raise ValueError(f"{where}: {error}") from error


def hints_of(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields, by name."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def checked(table: dict[str, Any], hints: dict[str, Any], where: str) -> dict[str, Any]:
    """The values of `table` as the types `hints` says.

    Raises:
        ValueError: If a name is unknown or a value has the wrong type.
    """
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in hints:
            meant = did_you_mean(name[:40], hints)
            raise ValueError(f"{where} accepts no {shown(name)}{meant}; accepted: {', '.join(hints)}")
        try:
            inner = _dataclass_in(hints[name]) if isinstance(value, dict) else None
            if inner is not None:
                values[name] = from_table(inner, value, f"{where}: {name}")
            else:
                values[name] = _as_type(value, hints[name])
        except TypeError:
            raise ValueError(
                f"{where}: {name} must be {_accepted(hints[name])}, got {shown(value)}"
            ) from None
    return values


def _dataclass_in(hint: Any) -> type | None:
    """The dataclass that `hint` is, or that may be None."""
    found = [part for part in (hint, *get_args(hint)) if dataclasses.is_dataclass(part)]
    return found[0] if found and isinstance(found[0], type) else None


def _as_type(value: Any, hint: Any) -> Any:
    """`value` as the type `hint`; a TypeError if it is of another."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):
        for part in parts:
            try:
                return _as_type(value, part)
            except TypeError:
                continue
    elif origin is Literal:
        if any(value == part and type(value) is type(part) for part in parts):
            return value
    elif origin is tuple:
        if isinstance(value, list) and (parts[-1] is Ellipsis or len(parts) == len(value)):
            kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
            return tuple(_as_type(item, kind) for item, kind in zip(value, kinds, strict=True))
    elif origin is list:
        if isinstance(value, list):
            return [_as_type(item, parts[0]) for item in value]
    elif origin is dict:
        if isinstance(value, dict):
            return {key: _as_type(item, parts[1]) for key, item in value.items()}
    elif hint is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:  # too large for one
            raise TypeError from None
    elif hint is int and type(value) is float and value.is_integer():  # 1e6 in TOML
        return int(value)
    elif hint is Path and isinstance(value, str):
        return Path(value)
    elif type(value) is hint:  # not isinstance: true and false are no numbers
        return value
    raise TypeError


def _accepted(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_accepted(part) for part in parts if part is not NoneType)
    if origin is Literal:
        return "one of " + ", ".join(repr(part) for part in parts)
    if origin in (tuple, list):
        return f"a list, each entry {_accepted(parts[0])}"
    if origin is dict:
        return "a table"
    return _NAMES.get(hint, str(hint))
