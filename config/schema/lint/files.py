"""schema.C004: files that look like migrations and that Django does not load."""

import ast
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from config.schema.lint.findings import Finding
from config.schema.lint.project import Project


def ignored_files(project: Project) -> Iterator[Finding]:
    for label, folder in project.folders():
        files = [file for file in sorted(folder.rglob("*.py")) if file.name != "__init__.py"]
        if files and not (folder / "__init__.py").exists():
            yield Finding(
                "schema.C004",
                label,
                f"{folder} has no __init__.py, so Django takes the app for one without migrations.",
                "Add an empty __init__.py.",
            )
        loaded = _loaded(folder)
        for file in files:
            yield from _judged(label, file, is_loaded=file in loaded)


def _loaded(folder: Path) -> set[Path]:
    """The files that Django imports as migrations: modules of the folder itself, by its own rule for names."""
    modules = pkgutil.iter_modules([str(folder)])
    return {folder / f"{module.name}.py" for module in modules if not module.ispkg and module.name[0] not in "_~"}


def _judged(label: str, file: Path, *, is_loaded: bool) -> Iterator[Finding]:
    try:
        has_class = _has_migration(ast.parse(file.read_bytes()))
    except SyntaxError as error:
        yield Finding("schema.C004", label, f"{file} is not Python: {error.msg}.", "Mend the file or remove it.")
        return
    if is_loaded and not has_class:
        yield Finding(
            "schema.C004",
            label,
            f"{file} has no Migration class, so no command that reads migrations works.",
            "Give it a Migration class, or a name that begins with an underscore.",
        )
    elif not is_loaded and has_class:
        yield Finding(
            "schema.C004",
            label,
            f"{file} holds a migration, and Django does not load a file of this name or in this place.",
            "Put it into the migrations folder under a name that neither begins with _ or ~ nor has a dot in it.",
        )
    elif is_loaded and not f"m{file.stem}".isidentifier():
        yield Finding(
            "schema.C004",
            label,
            f"{file} has a name that code cannot import.",
            "Use letters, digits and underscores.",
        )


def _has_migration(tree: ast.Module) -> bool:
    for node in tree.body:
        match node:
            case ast.ClassDef(name="Migration"):
                return True
            case ast.ImportFrom(names=names) if any((each.asname or each.name) == "Migration" for each in names):
                return True
            case ast.Assign(targets=targets) if any(isinstance(t, ast.Name) and t.id == "Migration" for t in targets):
                return True
    return False
