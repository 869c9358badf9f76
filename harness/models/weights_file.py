"""A .weights.h5 file that may come from elsewhere: looked through before any of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ONLY = "only arrays of numbers are read, which lie in the file itself"


def check_weights_file(path: Path, wanted: int) -> None:
    """Refuse a file that leads out of itself, holds other things than numbers, or another number of them.

    HDF5 can have links to other files, arrays that lie in other files, and arrays whose shape is all there is of them:
    to read those would show what the file's author chose, or fill the memory.

    Args:
        path: The file.
        wanted: How many numbers it must hold.

    Raises:
        ValueError: Says what it holds instead.
        OSError: It cannot be read as HDF5.
    """
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path, "r") as file:
        held = sum(_numbers(file, h5py, seen=set()))
    if held != wanted:
        raise ValueError(f"it holds {held:,} numbers, {wanted:,} are wanted")


def _numbers(group: Any, h5py: Any, seen: set[Any]) -> list[int]:
    sizes: list[int] = []
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{group.name}/{name} is a link: {_ONLY}")
        item = group[name]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            raise ValueError(f"{item.name} stands in it twice: {_ONLY}")
        seen.add(address)
        if isinstance(item, h5py.Group):
            sizes += _numbers(item, h5py, seen)
        elif not isinstance(item, h5py.Dataset) or item.is_virtual or item.external or item.dtype.kind not in "biuf":
            raise ValueError(f"{item.name} is no array of numbers, or lies in another file: {_ONLY}")
        else:
            sizes.append(item.size)
    return sizes
