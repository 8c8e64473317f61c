"""schema.C005: a migration that uses a model of today is another one tomorrow."""

import ast
import importlib
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model

from config.schema.lint.findings import Finding
from config.schema.lint.project import Project, name_of, tree_of

REGISTRY = {"django.apps.apps": "the registry of live models", "django.contrib.auth.get_user_model": "the live user"}


def live_models(project: Project) -> Iterator[Finding]:
    for migration in project.migrations():
        for line, what in uses(*tree_of(migration)):
            yield Finding(
                "schema.C005",
                name_of(migration),
                f"line {line} uses {what}, which is not as it was when the migration was written.",
                "Take the model from the apps that RunPython hands to its function: apps.get_model(label, name).",
            )


def uses(tree: ast.Module, module: str) -> Iterator[tuple[int, str]]:
    """The lines that name a live model or a way to all of them, and what they name."""
    known = dict(_imported(tree, module))
    for name, (full, line) in known.items():
        if name == "*" or _is_live(full):
            yield line, _words(full)
    for node, shadowed in _names(tree, frozenset()):
        spelled = ast.unparse(node)
        first, _, rest = spelled.partition(".")
        if rest and first in known and first not in shadowed:
            full = f"{known[first][0]}.{rest}"
            if _is_live(full):
                yield node.lineno, _words(full)


def _imported(tree: ast.Module, module: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """Each name that an import binds, with the full name of what it stands for and the line."""
    package = module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                bound = each.name if each.asname else each.name.partition(".")[0]
                yield each.asname or bound, (bound, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for each in node.names:
                if each.name != "*":
                    yield each.asname or each.name, (f"{base}.{each.name}", node.lineno)
                elif base in _model_modules():
                    yield "*", (f"{base}.*", node.lineno)


def _names(node: ast.AST, shadowed: frozenset[str]) -> Iterator[tuple[ast.Attribute, frozenset[str]]]:
    """The dotted names of a tree, longest first, with the arguments that hide a global name there."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        given = node.args
        shadowed |= {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    if isinstance(node, ast.Attribute) and _is_dotted(node):
        yield node, shadowed
        return
    for child in ast.iter_child_nodes(node):
        yield from _names(child, shadowed)


def _is_dotted(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_dotted(node.value))


def _is_live(full: str) -> bool:
    return full in REGISTRY or any(full.startswith(f"{each}.") for each in REGISTRY) or _model_of(full) is not None


def _model_of(full: str) -> type[Model] | None:
    """The installed app's model that the full name, or the beginning of it, stands for."""
    for module in _model_modules():
        if full.startswith(f"{module}."):
            found: Any = importlib.import_module(module)
            for part in full.removeprefix(f"{module}.").split("."):
                found = getattr(found, part, None)
                if isinstance(found, type) and issubclass(found, Model):
                    return found
    return None


def _model_modules() -> set[str]:
    """The modules that define models, and those through which an app hands them out."""
    modules = {model.__module__ for model in apps.get_models(include_auto_created=True)}
    handed = {config.models_module.__name__ for config in apps.get_app_configs() if config.models_module}
    return modules | handed


def _words(full: str) -> str:
    if full.endswith(".*"):
        return f"every model of {full.removesuffix('.*')}"
    for name, words in REGISTRY.items():
        if full == name or full.startswith(f"{name}."):
            return f"{words}, {name}"
    return f"the live model {full}"
