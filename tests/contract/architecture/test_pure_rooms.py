"""The import contract of pure code names every module that says in its docstring that it is pure."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("api", "deploy", "producers", "schemas", "stream_processors", "trainers")
CONTRACT = "Pure code touches no clock, disk, network, thread or chance"
#: These docstrings call something else pure.
ABOUT_OTHERS = {
    "stream_processors.runtime.declarations",  # the operators that a job drives
    "trainers.evaluation.chart_drawing",  # a library without compiled code
    "trainers.jobs",  # what jobs wire to the servers
}


def modules() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.get_docstring(ast.parse(path.read_text())) or ""


def contract() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (found,) = (one for one in settings["contracts"] if one["name"] == CONTRACT)
    return set(found["source_modules"])


def test_every_module_that_calls_itself_pure_is_held_to_it() -> None:
    named = contract()
    pure = {name for name, docstring in modules() if re.search(r"\bpure\b", docstring, re.IGNORECASE)}
    unheld = {
        name for name in pure - ABOUT_OTHERS if not any(f"{name}.".startswith(f"{one}.") for one in named)
    }
    assert not unheld, f"name these in the contract {CONTRACT!r} of pyproject.toml"


def test_every_exception_still_needs_to_be_one() -> None:
    assert {
        name for name, docstring in modules() if re.search(r"\bpure\b", docstring, re.IGNORECASE)
    } >= ABOUT_OTHERS
