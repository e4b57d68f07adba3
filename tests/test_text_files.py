"""Text is UTF-8 everywhere, whatever the machine's locale says."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path
    for path in ROOT.rglob("*.py")
    if path.relative_to(ROOT).parts[0] != "tests" and not path.relative_to(ROOT).parts[0].startswith(".")
)
NO_TEXT = ("RunFolder", "Image", "os")
"""Whose `open` opens no text."""


def text_calls(tree):
    """Calls that read or write text, such as `path.open("w")`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if isinstance(function, ast.Attribute) and name in ("read_text", "write_text"):
            yield node, given
        elif name == "open" and not (
            isinstance(function, ast.Attribute) and getattr(function.value, "id", "") in NO_TEXT
        ):
            modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            if not any(isinstance(mode, str) and "b" in mode for mode in modes):
                yield node, given
        elif "text" in given or "universal_newlines" in given:
            yield node, given


def test_an_encoding_is_given_wherever_text_is_read_or_written():
    lacking = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in FILES
        for call, given in text_calls(ast.parse(path.read_text(encoding="utf-8")))
        if "encoding" not in given
    ]
    assert lacking == []
