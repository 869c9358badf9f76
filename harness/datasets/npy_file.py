"""A .npy file of images that grows chunk by chunk, so that no dataset needs to fit into memory."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np

from harness.datasets.content import Images


class NpyImagesFile:
    """Writes uint8 images [N, *shape] to `path`, where N is at most `highest_count`.

    Plain writes and no memory map, so that a full disk is an OSError here and not a SIGBUS.
    """

    def __init__(self, path: Path, highest_count: int, shape: tuple[int, int, int]) -> None:
        self._file = path.open("wb")
        self._shape = shape
        self._count = 0
        self._write_header(highest_count)
        self._header_bytes = self._file.tell()

    def append(self, images: Images) -> None:
        """Add images, uint8 [n, *shape]."""
        self._file.write(np.ascontiguousarray(images).data)
        self._count += len(images)

    def __enter__(self) -> NpyImagesFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                # NumPy pads headers for exactly this: a smaller count takes the same room.
                self._file.seek(0)
                self._write_header(self._count)
                assert self._file.tell() == self._header_bytes

    def _write_header(self, count: int) -> None:
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": "|u1", "fortran_order": False, "shape": (count, *self._shape)}
        )
