"""What can be wrong in a file: bytes, JSON, tensors, tables, TOML, each made from a sound one at random."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]

DEEP, DIGITS = "[" * 3000 + "]" * 3000, "9" * 6000
"""What Python's JSON refuses in words of its own."""
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 300, 2**31, 2**32 - 1, 2**63, -(2**63), 10**12, 10**30,
    0.0, -1.5, 0.5, 1e-320, 1e38, 1e308, float("nan"), float("inf"), float("-inf"),
    "", "x", "\0", "é", "x" * 10_000, "float32", "void", "i4,i4", "datetime64[ns]", "plastic", "gru", "clip",
    "PlasticMaze-v0", "CartPole-v1", "phys2d/CartPole-v1", "HalfCheetah-v2", "GymV26Environment-v0",
    "os:Any-v0",
    [], [0], [[]], [1, 2, 3], [0.1, 0.0, 0.0], [float("nan")] * 3, list(range(1000)), ["x"], [None],
    {}, {"self": 1}, {"num_envs": 3}, {"size": 4001}, {"max_steps": 10**12}, {"rule": []}, {"x": {"x": {}}},
    "@deep", "@digits",
)  # fmt: skip
NAMES = ("self", "num_envs", "size", "max_steps", "eta", "rule", "x", "", "@deep")


def flip(content: bytes, random: Random) -> bytes:
    """Bytes changed, lost, doubled or cut off."""
    data = bytearray(content)
    kind = random.integers(7)
    if not data or kind == 0:
        return b""
    at = int(random.integers(len(data)))
    end = min(len(data), at + int(random.integers(1, 64)))
    if kind == 1:
        return bytes(data[:at])
    if kind == 2:
        return bytes(data[:at] + data[end:])
    if kind == 3:
        return bytes(data[:end] + data[at:])
    if kind == 4:
        return bytes(data[:at]) + random.bytes(end - at) + bytes(data[end:])
    for place in random.integers(len(data), size=int(random.integers(1, 9))):
        data[place] ^= 1 << int(random.integers(8))
    return bytes(data)


def mutated_value(value: Any, random: Random) -> Any:
    """A value of JSON in which one place, at any depth, is another."""
    if isinstance(value, dict | list) and value and random.random() < 0.85:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        place = places[int(random.integers(len(places)))]
        changed = dict(value) if isinstance(value, dict) else list(value)
        what = random.integers(8)
        if what == 0:
            del changed[place]
        elif what == 1 and isinstance(changed, dict):
            changed[NAMES[int(random.integers(len(NAMES)))]] = _any(random)
        elif what == 1:
            changed.append(_any(random))
        else:
            changed[place] = mutated_value(value[place], random)
        return changed
    return _any(random)


def json_text(value: Any) -> str:
    """JSON, with what Python could not write where there is a mark for it."""
    text = json.dumps(value)
    return text.replace('"@deep"', DEEP).replace('"@digits"', DIGITS)


def json_file(content: bytes, random: Random) -> bytes:
    """A JSON file."""
    if random.random() < 0.2:
        return flip(content, random)
    return json_text(mutated_value(json.loads(content), random)).encode()


def tensor_file(content: bytes, random: Random) -> bytes:
    """A safetensors file of this project: bytes, the table of tensors, the settings, or the numbers."""
    kind = random.random()
    if kind < 0.15:
        return flip(content, random)
    length = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    about = header.pop("__metadata__")
    if kind < 0.65:
        settings = json.loads(about["plastic_maze"])
        about["plastic_maze"] = json_text(mutated_value(settings, random))
    elif kind < 0.75:
        changed = mutated_value(header, random)
        table = changed if isinstance(changed, dict) else {"x": changed}
        return _packed({**table, "__metadata__": about}, bytes(body))
    else:
        arrays = {
            name: [one["dtype"], one["shape"], bytes(body[slice(*one["data_offsets"])])]
            for name, one in header.items()
        }
        _mutate_arrays(arrays, random)
        settings = json.loads(about["plastic_maze"])
        if random.random() < 0.5:  # as a hand would that knows the format
            settings["tensors"] = sorted(arrays)
        about["plastic_maze"] = json.dumps(settings)
        header, body = {}, bytearray()
        for name, (dtype, shape, data) in arrays.items():
            header[name] = {
                "dtype": dtype,
                "shape": shape,
                "data_offsets": [len(body), len(body) + len(data)],
            }
            body += data
    return _packed({"__metadata__": about, **header}, bytes(body))


def _packed(header: dict[str, Any], body: bytes) -> bytes:
    text = json_text(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _mutate_arrays(arrays: dict[str, list[Any]], random: Random) -> None:
    names = list(arrays)
    name = names[int(random.integers(len(names)))]
    dtype, shape, data = arrays[name]
    kind = random.integers(8)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays[("policy.", "optimizer.0.", "network.", "")[int(random.integers(4))] + "x"] = arrays[name]
    elif kind == 2 and dtype in ("F32", "I32"):
        arrays[name][0] = "I32" if dtype == "F32" else "F32"
    elif kind == 3 and shape:
        arrays[name][1] = [int(np.prod(shape)), 1] if random.random() < 0.5 else shape[::-1]
    elif kind == 4:
        arrays[name] = [dtype, [0], b""]
    elif kind == 5 and dtype == "F32" and data:
        numbers = np.frombuffer(data, np.float32).copy()
        numbers[random.integers(len(numbers))] = (np.nan, np.inf, -np.inf, -1, 3e38)[int(random.integers(5))]
        arrays[name][2] = numbers.tobytes()
    elif kind == 6:
        arrays[name][2] = random.bytes(len(data))
    else:
        other = names[int(random.integers(len(names)))]
        arrays[name], arrays[other] = arrays[other], arrays[name]


def csv_file(content: bytes, random: Random) -> bytes:
    """A table of comma-separated values."""
    if random.random() < 0.3:
        return flip(content, random)
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = rows[int(random.integers(len(rows)))]
    kind = random.integers(5)
    if kind == 0:
        rows.remove(row)
    elif kind == 1:
        row.pop(int(random.integers(len(row))))
    elif kind == 2:
        row.append(str(_any(random)))
    else:
        row[int(random.integers(len(row)))] = str(_any(random)) if kind == 3 else DIGITS
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def toml_file(content: bytes, random: Random) -> bytes:
    """A TOML file: a value replaced, a line lost, doubled or made up."""
    if random.random() < 0.2:
        return flip(content, random)
    lines = content.decode().splitlines()
    at = int(random.integers(len(lines)))
    kind = random.integers(6)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, f"x{at} = {_toml(random)}")
    elif kind == 2:
        lines.insert(at, lines[int(random.integers(len(lines)))])
    elif "=" in lines[at]:
        lines[at] = f"{lines[at].partition('=')[0]}= {_toml(random)}"
    else:
        lines[at] = f"[{_toml(random)}]"
    return "\n".join(lines).encode("utf-8", "replace")


def _toml(random: Random) -> str:
    value = _any(random)
    if value is None or isinstance(value, dict):
        return "{ size = 7 }"
    if isinstance(value, float):
        return str(value)
    return json_text(value)


def _any(random: Random) -> Any:
    return VALUES[int(random.integers(len(VALUES)))]
