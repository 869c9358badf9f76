"""A folder of images as a dataset: decoded once, then mapped from the cache."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.datasets.cache import entry_path, open_or_make
from harness.datasets.dataset import Dataset, Images
from harness.datasets.images import UnreadableImageError, WrongSizeError, decode, pillow_version, quiet_pillow
from harness.datasets.listing import PARTS, ImageFile, Listing, list_folder, refuse_empty_classes, shown
from harness.datasets.npy_file import NpyImagesFile
from harness.errors import InputError

# Larger images are photos: decoding them whole would fill the memory without anyone having asked for it.
_HIGHEST_OWN_EDGE = 256
_IMAGES_A_CHUNK = 200
# Below this mean size threads only fight for Python's lock: CIFAR-10 (1 kB a file) took 3.5 s with one thread
# and 4.9 s with two, on two cores.
_WORTH_THREADS_BYTES = 8 * 1024
_HIGHEST_THREADS = 8


def load_folder(
    root: Path, *, image_size: int | None = None, skip_unreadable: bool = False, cache: Path | None = None
) -> Dataset:
    """Load a folder with train/CLASS/ and test/CLASS/ images; see `load_dataset`."""
    listing = list_folder(root)
    options = f"image_size={image_size} skip_unreadable={skip_unreadable}"
    path = entry_path(cache, f"{listing.root}\n{options}", f"{pillow_version()}\n{listing.state}")

    def fill(directory: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return listing.classes, _decode_into(directory, listing, image_size, skip_unreadable)

    entry, notes = open_or_make(path, fill)
    return Dataset(
        listing.root.name,
        entry.classes,
        *entry.arrays,
        fingerprint=entry.fingerprint,
        warnings=(*notes, *entry.warnings),
        source=str(listing.root),
        directory=entry.directory,
        image_size=image_size,
        skip_unreadable=skip_unreadable,
        cache=cache,
    )


@dataclass(frozen=True)
class _Chunk:
    """Some files, decoded: `images` uint8 [N, H, W, 3]; those that were skipped are left out."""

    files: tuple[ImageFile, ...]
    images: Images
    skipped: tuple[UnreadableImageError, ...]


@dataclass(frozen=True)
class _Decoder:
    """How this dataset's files become images of one size."""

    root: str
    first: str
    width: int
    height: int
    resize: int | None
    skip_unreadable: bool

    def decode_chunk(self, files: tuple[ImageFile, ...]) -> _Chunk:
        images = np.empty((len(files), self.height, self.width, 3), np.uint8)
        kept: list[ImageFile] = []
        skipped: list[UnreadableImageError] = []
        for file in files:
            try:
                images[len(kept)] = self._decode(file)
                kept.append(file)
            except UnreadableImageError as error:
                if not self.skip_unreadable:
                    raise
                skipped.append(error)
        return _Chunk(tuple(kept), images[: len(kept)], tuple(skipped))

    def _decode(self, file: ImageFile) -> Images:
        path = f"{self.root}/{file.relative}"
        if self.resize is not None:
            return decode(path, resize=self.resize)
        try:
            return decode(path, size=(self.width, self.height))
        except WrongSizeError as error:
            raise InputError(
                f"{error} but {shown(f'{self.root}/{self.first}')} is {self.width}x{self.height}; the images of one "
                f"dataset need one size: resize them, or use --image-size {self.height} "
                f"(in Python: load_dataset(folder, image_size={self.height}))"
            ) from error


def _decode_into(directory: Path, listing: Listing, image_size: int | None, skip_unreadable: bool) -> tuple[str, ...]:
    """Write the four arrays of a folder into `directory`, and return warnings."""
    kept: list[tuple[ImageFile, ...]] = []
    skipped: list[UnreadableImageError] = []
    with quiet_pillow():
        decoder = _decoder(listing, image_size, skip_unreadable)
        for part, files in zip(PARTS, (listing.train, listing.test), strict=True):
            part_kept: list[ImageFile] = []
            shape = (decoder.height, decoder.width, 3)
            with NpyImagesFile(directory / f"{part}_images.npy", len(files), shape) as target:
                for chunk in _decode_all(files, decoder):
                    target.append(chunk.images)
                    part_kept += chunk.files
                    skipped += chunk.skipped
            labels: NDArray[np.int64] = np.array([file.label for file in part_kept], np.int64)
            np.save(directory / f"{part}_labels.npy", labels)
            kept.append(tuple(part_kept))
    refuse_empty_classes(listing.root, listing.classes, kept[0], kept[1])
    if not skipped:
        return ()
    everything = len(listing.train) + len(listing.test)
    return (f"{len(skipped)} of {everything} images were skipped as unreadable, the first: {skipped[0]}",)


def _decoder(listing: Listing, image_size: int | None, skip_unreadable: bool) -> _Decoder:
    """Take the size of all images from the option, or else from the first image that can be read."""
    if image_size is not None:
        return _Decoder(str(listing.root), "", image_size, image_size, image_size, skip_unreadable)
    for file in (*listing.train, *listing.test):
        path = f"{listing.root}/{file.relative}"
        try:
            image = decode(path)
        except UnreadableImageError:
            if not skip_unreadable:
                raise
            continue
        height, width = image.shape[:2]
        if max(height, width) > _HIGHEST_OWN_EDGE:
            raise InputError(
                f"image {shown(path)} is {width}x{height}; allowed without a resize is at most {_HIGHEST_OWN_EDGE}x"
                f"{_HIGHEST_OWN_EDGE}: resize the images, or use --image-size 64 or another size "
                "(in Python: load_dataset(folder, image_size=64))"
            )
        return _Decoder(str(listing.root), file.relative, width, height, None, skip_unreadable)
    raise InputError(f"dataset {shown(listing.root)} has no image that can be read")


def _decode_all(files: tuple[ImageFile, ...], decoder: _Decoder) -> Iterator[_Chunk]:
    """Yield the files decoded, in their order, with a bounded number of chunks under way."""
    threads = _threads(files)
    waiting: deque[Future[_Chunk]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for start in range(0, len(files), _IMAGES_A_CHUNK):
                waiting.append(pool.submit(decoder.decode_chunk, files[start : start + _IMAGES_A_CHUNK]))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _threads(files: tuple[ImageFile, ...]) -> int:
    if sum(file.size_bytes for file in files) < _WORTH_THREADS_BYTES * len(files):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _HIGHEST_THREADS)
