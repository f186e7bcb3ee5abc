"""Turns the docstrings of the structs into descriptions for the documents.

So the meaning of a field is written once, where the field is declared. Docstrings
follow the Google convention. Code in them is marked by double backquotes, which become single ones in Markdown.
"""

import inspect
import re

import msgspec

_SECTION = re.compile(r"^Attributes:\n", re.MULTILINE)
_FIELD = re.compile(r"^ {4}(\w+): ", re.MULTILINE)


def summary_of(kind: type) -> str:
    """Return the first line of the docstring of a class."""
    return _for_readers(inspect.cleandoc(kind.__doc__ or "").split("\n", 1)[0])


def description_of(kind: type) -> str:
    """Return the docstring of a class without its attributes; paragraphs are separated by an empty line."""
    text = _SECTION.split(inspect.cleandoc(kind.__doc__ or ""))[0]
    return "\n\n".join(_for_readers(paragraph) for paragraph in text.strip().split("\n\n"))


def descriptions_of_fields(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return the description of each field of a struct; inherited fields have that of the parent."""
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        found |= _described(parent.__doc__ or "")
    return {name: text for name, text in found.items() if name in kind.__struct_fields__}


def _described(docstring: str) -> dict[str, str]:
    parts = _SECTION.split(inspect.cleandoc(docstring))
    if len(parts) == 1:
        return {}
    _, *pairs = _FIELD.split(parts[1].split("\n\n")[0])
    return {name: _for_readers(text) for name, text in zip(pairs[::2], pairs[1::2], strict=True)}


def _for_readers(text: str) -> str:
    """One line of Markdown, in which None is `null`."""
    return re.sub(r"\bNone\b", "`null`", " ".join(text.split())).replace("``", "`")
