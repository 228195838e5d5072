"""What a module imports, by its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Dotted names; those of `from .` begin with as many dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
