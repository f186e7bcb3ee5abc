"""Every public function of three or more parameters says what each of them is, under ``Args:``."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("api", "deploy", "producers", "schemas", "stream_processors", "trainers")

#: Click and FastAPI show the docstring to their users and describe parameters themselves; the shapes that a
#: compiled function takes stand in its text.
EXEMPT = (".command(", "click.command", "router.", "overload", "njit", "compiled", "inlined")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield prefix + node.name, node


def parameters(function: Function) -> list[str]:
    listed = function.args
    every = [*listed.posonlyargs, *listed.args, *listed.kwonlyargs, listed.vararg, listed.kwarg]
    return [one.arg for one in every if one is not None and one.arg not in {"self", "cls"}]


def is_exempt(function: Function) -> bool:
    return any(sign in ast.unparse(made) for made in function.decorator_list for sign in EXEMPT)


def lacks_arguments(function: Function) -> bool:
    """A method that says "see the port" has its arguments described there."""
    text = ast.get_docstring(function) or ""
    return not (
        "Args:" in text or "see the port" in text or len(parameters(function)) < 3 or is_exempt(function)
    )


def lacking(source: str) -> list[str]:
    return [name for name, function in public_functions(ast.parse(source).body) if lacks_arguments(function)]


@pytest.mark.parametrize("package", PACKAGES)
def test_arguments_of_public_functions_are_described(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in lacking(path.read_text())
    ]
    assert found == []


def test_function_without_args_is_found() -> None:
    assert lacking('def f(a, *, b, c):\n    """Add them."""') == ["f"]
    assert lacking('class A:\n    def f(self, a, b, **c):\n        """Add them."""') == ["A.f"]


@pytest.mark.parametrize(
    "source",
    [
        'def f(a, b):\n    """Add them."""',
        'def _f(a, b, c):\n    """Add them."""',
        'class _A:\n    def f(self, a, b, c):\n        """Add them."""',
        'class A:\n    def f(self, a, b):\n        """Add them."""',
        'def f(a, b, c):\n    """Add them.\n\n    Args:\n        a: One.\n        b: Two.\n        c: Three.\n    """',
        'class A:\n    def f(self, a, b, c):\n        """Add them; see the port."""',
        '@inlined\ndef f(a, b, c):\n    """Add them."""',
        '@commands.command()\ndef f(a, b, c):\n    """Add them."""',
    ],
)
def test_function_that_needs_no_args_is_passed(source: str) -> None:
    assert lacking(source) == []
