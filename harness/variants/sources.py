"""The files that a variant needs, a user's builder and all that it imports, or weights: found without running them."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, InputError
from harness.files import expanded
from harness.variants.variant import Variant


class BuildError(HarnessError):
    """A user's own builder raised, or returned something that is no model for the task."""


# Raise it when the harness trains what a builder returns in another way, so that older results count as those of an
# older source. 2: a moving average of weights (`use_ema`) is tested, an optimizer's `auto_scale_loss` stays as it was.
_TREATED = 2


def source_fingerprint(variant: Variant) -> str | None:
    """Return the SHA-256 of the files that the variant depends on; None where it depends on none.

    For `model` its module, the modules of the project that this imports, at any depth, and the files that their texts,
    the options or `weights` name; for a backbone the weights file. Raises InputError where a file is missing.
    """
    if variant.model:
        values = [value for _, value in variant.options if isinstance(value, str)]
        named = [Path(value) for value in values if "." in value and _is_file(Path(value))]
        if variant.weights and variant.weights != "imagenet":
            named.append(weights_path(variant.weights))
        return builder_fingerprint(variant.model, *named)
    if variant.weights and variant.weights != "imagenet":
        return _sha256(weights_path(variant.weights))
    return None


@functools.lru_cache(maxsize=4096)
def source_parts(variant: Variant) -> tuple[str, ...]:
    """Return the names of what a variant's source fingerprint is of: its module, and the files that its fields name.

    Variants of equal parts have equal fingerprints at any one time. No file is read: an option that has a point in it
    may as well be none.
    """
    module = (variant.model.partition(":")[0],) if variant.model else ()
    named = [value for _, value in variant.options if isinstance(value, str) and "." in value] if variant.model else []
    if variant.weights and variant.weights != "imagenet":
        named.append(variant.weights)
    return module + tuple(named)


def builder_fingerprint(target: str, *others: Path) -> str:
    """Return the SHA-256 of all that "package.module:function" is made of, without importing anything."""
    files = builder_files(target)
    for file in tuple(files.values()):
        named = [folder / text for text in _facts(file).texts for folder in (Path.cwd(), file.parent)]
        files |= {path.name: path for path in named if _is_file(path)}
    files |= {str(path): path for path in others}
    digests = sorted((name, _sha256(path)) for name, path in files.items())
    return hashlib.sha256(repr((_TREATED, digests)).encode()).hexdigest()


def builder_files(target: str) -> dict[str, Path]:
    """Return the files of a builder's module and of every module of the project that it imports, by module's name.

    Of the project is what lies below the current folder or the folder in which the builder's package was found, and
    is no installed package. A package's `__init__.py` without a statement is left out.
    """
    first = target.partition(":")[0]
    source = builder_source(target)
    package = source.parents[first.count(".") + (source.name == "__init__.py")]
    roots = (Path.cwd().resolve(), package.resolve())
    files = {first: source}
    waiting = [*_parents(first), *_imports(first, source)]
    seen = {first}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file = _module_file(name)
        if file is None or not _is_local(file, roots, source):
            continue
        if file.name != "__init__.py" or not _facts(file).empty:
            files[name] = file
        waiting += [*_parents(name), *_imports(name, file)]
    return files


def builder_source(target: str) -> Path:
    """Return the source file of "package.module:function"'s module; raises InputError where there is none."""
    module = target.partition(":")[0]
    search_here()
    spec = _find_spec(module)
    if spec is None:
        raise InputError(
            f'model: "{target}" is not allowed; there is no module "{module}" in the current folder '
            f"({Path.cwd()}) or among the installed packages"
        )
    if not spec.origin or not spec.origin.endswith(".py"):
        raise InputError(f'model: "{target}" is not allowed; module "{module}" has no Python source file')
    return Path(spec.origin)


def search_here() -> None:
    """Let Python find modules in the current folder, after everything that is installed."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def weights_path(weights: str) -> Path:
    """Return the path of a .weights.h5 file; raises InputError where there is no such file."""
    path = expanded(weights)
    if not path.is_file():
        raise InputError(
            f'weights: "{weights}" is not a file; allowed: None, "imagenet", or the path of a .weights.h5 '
            f"file, from the current folder ({Path.cwd()})"
        )
    return path


def _find_spec(module: str) -> importlib.machinery.ModuleSpec | None:
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # what has no spec, as __main__
        return None
    name = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        # Not importlib.util.find_spec, which would import the package, and perhaps Keras with it.
        spec = importlib.machinery.PathFinder.find_spec(name, spec.submodule_search_locations)
    return spec


def _module_file(name: str) -> Path | None:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == "harness":
        return None
    spec = _find_spec(name)
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def _is_local(file: Path, roots: tuple[Path, ...], source: Path) -> bool:
    path = file.resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return path.is_relative_to(source.resolve().parent)  # a builder that is installed itself, and its neighbours
    return any(path.is_relative_to(root) for root in roots)


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imports(name: str, file: Path) -> Iterator[str]:
    """Return the names of all modules that a module may import; some may be no modules."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for level, module, names in _facts(file).imports:
        base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
        whole = ".".join([*base, module] if module else base)
        yield from (whole, *(f"{whole}.{one}" for one in names))


# Suffixes of what a builder reads rather than writes.
_DATA = (".json", ".yaml", ".yml", ".toml", ".ini", ".npy", ".npz", ".h5", ".keras", ".pkl")


@dataclass(frozen=True)
class _Facts:
    """A source file: its SHA-256, whether it holds no statement, what it imports, and texts that may name files."""

    digest: str
    empty: bool
    imports: tuple[tuple[int, str, tuple[str, ...]], ...] = ()
    texts: tuple[str, ...] = ()


def _facts(file: Path) -> _Facts:
    status = file.stat()
    return _read_facts(file, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1024)
def _read_facts(file: Path, changed_ns: int, size: int) -> _Facts:
    digest = _sha256(file)
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # an extension module, or a fault that importing it tells
        return _Facts(digest, empty=False)
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.endswith(_DATA):
                texts.append(node.value)
            elif _MODULE.fullmatch(node.value):  # importlib.import_module("own.blocks")
                imports.append((0, node.value, ()))
    empty = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in tree.body)
    return _Facts(digest, empty, tuple(dict.fromkeys(imports)), tuple(dict.fromkeys(texts)))


_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text too long for a name, or with a NUL
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
