"""The files that a variant needs, a user's builder or weights: found and hashed without running them."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

from harness.errors import HarnessError, InputError
from harness.variants.variant import Variant


class BuildError(HarnessError):
    """A user's own builder raised, or returned something that is no model for the task."""


def source_fingerprint(variant: Variant) -> str | None:
    """Return the SHA-256 of the file that the variant depends on; None where it depends on none.

    For `model` the source of its module (not of what that module imports), for `weights` the weights file.
    Raises InputError where the file is missing.
    """
    if variant.model:
        return builder_fingerprint(variant.model)
    if variant.weights and variant.weights != "imagenet":
        return _sha256(weights_path(variant.weights))
    return None


def builder_fingerprint(target: str) -> str:
    """Return the SHA-256 of the source of "package.module:function"'s module, without importing anything."""
    return _sha256(builder_source(target))


def builder_source(target: str) -> Path:
    """Return the source file of "package.module:function"'s module; raises InputError where there is none."""
    module = target.partition(":")[0]
    search_here()
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # what has no spec, as __main__
        spec = None
    name = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            break
        name = f"{name}.{part}"
        # Not importlib.util.find_spec, which would import the package, and perhaps Keras with it.
        spec = importlib.machinery.PathFinder.find_spec(name, spec.submodule_search_locations)
    if spec is None or name != module:
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
    path = Path(weights).expanduser()
    if not path.is_file():
        raise InputError(
            f'weights: "{weights}" is not a file; allowed: None, "imagenet", or the path of a .weights.h5 '
            f"file, from the current folder ({Path.cwd()})"
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
