"""Python and the packages this program stands on."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from harness.doctor.check import Check

DISTRIBUTION = "cnn-harness"


def check_python(version: str | None = None) -> Check:
    """Check the version of Python against what the package asks for."""
    version = version or platform.python_version()
    wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return Check("python", "ok", version)
    return Check("python", "failed", f"{version}, needed is {wanted}", "make a virtual environment with such a Python")


def check_packages(
    requirements: Iterable[str] | None = None, version_of: Callable[[str], str] = importlib.metadata.version
) -> Check:
    """Check installed packages against the bounds of this program's own metadata; extras are left out."""
    if requirements is None:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    faults, seen = [], []
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = version_of(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            faults.append(f"{requirement.name} is missing")
            continue
        seen.append(requirement.name)
        if not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement.name} is {version}, needed is {requirement.specifier}")
    if faults:
        return Check("packages", "failed", "; ".join(faults), f"pip install --upgrade {DISTRIBUTION}")
    main = [f"{name} {version_of(name)}" for name in ("keras", "tensorflow", "numpy") if name in seen]
    return Check("packages", "ok", f"{len(seen)} within their bounds, among them {', '.join(main)}")
