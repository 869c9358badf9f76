"""A folder of images as a dataset: decoded once, then mapped from the cache."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.datasets.cache import Filled, entry_path, open_or_make
from harness.datasets.content import PARTS, Images
from harness.datasets.dataset import Dataset, Origin
from harness.datasets.images import (
    Decoded,
    UnreadableImageError,
    WrongSizeError,
    decode,
    pillow_version,
    quiet_pillow,
)
from harness.datasets.listing import ImageFile, Listing, list_folder, refuse_empty_classes, shown
from harness.datasets.npy_file import NpyImagesFile
from harness.errors import InputError
from harness.machine import usable_cores

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

    origin = Origin(str(listing.root), image_size=image_size, skip_unreadable=skip_unreadable, cache=cache)
    dataset = open_or_make(
        path,
        lambda directory: _decode_into(directory, listing, image_size, skip_unreadable),
        listing.root.name,
        origin,
    )
    # These are told anew each time: to move a folder that is not used takes no new decoding.
    return dataclasses.replace(dataset, warnings=(*listing.notes, *dataset.warnings))


@dataclass(frozen=True)
class _Chunk:
    """Some files, decoded: `images` uint8 [N, H, W, 3]; those that were skipped are left out."""

    files: tuple[ImageFile, ...]
    images: Images
    skipped: tuple[UnreadableImageError, ...]
    marked: tuple[tuple[str, ImageFile], ...]


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
        marked: list[tuple[str, ImageFile]] = []
        for file in files:
            try:
                images[len(kept)], marks = self._decode(file)
                kept.append(file)
                marked += [(mark, file) for mark in marks]
            except UnreadableImageError as error:
                if not self.skip_unreadable:
                    raise _unless_skipped(error) from error
                skipped.append(error)
        return _Chunk(tuple(kept), images[: len(kept)], tuple(skipped), tuple(marked))

    def _decode(self, file: ImageFile) -> Decoded:
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


def _decode_into(directory: Path, listing: Listing, image_size: int | None, skip_unreadable: bool) -> Filled:
    """Write the four arrays of a folder into `directory`."""
    kept: dict[str, list[ImageFile]] = {}
    skipped: list[UnreadableImageError] = []
    marked: dict[str, list[ImageFile]] = {}
    with quiet_pillow():
        decoder = _decoder(listing, image_size, skip_unreadable)
        for part, files in zip(PARTS, (listing.train, listing.test), strict=True):
            kept[part] = []
            shape = (decoder.height, decoder.width, 3)
            with NpyImagesFile(directory / f"{part}_images.npy", len(files), shape) as target:
                for chunk in _decode_all(files, decoder):
                    target.append(chunk.images)
                    kept[part] += chunk.files
                    skipped += chunk.skipped
                    for mark, file in chunk.marked:
                        marked.setdefault(mark, []).append(file)
            np.save(directory / f"{part}_labels.npy", np.array([file.label for file in kept[part]], np.int64))
    refuse_empty_classes(listing.root, listing.classes, tuple(kept["train"]), tuple(kept["test"]))
    everything = f"of {len(listing.train) + len(listing.test):,} images"
    warnings = []
    for mark, those in marked.items():
        are = "is" if len(those) == 1 else "are"
        warnings.append(f"{len(those):,} {everything} {are} {mark} (the first: {shown(those[0].relative)})")
    if skipped:
        warnings.insert(0, f"{len(skipped)} {everything} were skipped as unreadable, the first: {skipped[0]}")
    return Filled(
        listing.classes,
        tuple(warnings),
        lambda part, number: shown(kept[part][number].relative),
        test_files=tuple(shown(file.relative) for file in kept["test"]),
    )


def _decoder(listing: Listing, image_size: int | None, skip_unreadable: bool) -> _Decoder:
    """Take the size of all images from the option, or else from the first image that can be read."""
    if image_size is not None:
        return _Decoder(str(listing.root), "", image_size, image_size, image_size, skip_unreadable)
    for file in (*listing.train, *listing.test):
        path = f"{listing.root}/{file.relative}"
        try:
            image = decode(path).pixels
        except UnreadableImageError as error:
            if not skip_unreadable:
                raise _unless_skipped(error) from error
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


def _unless_skipped(error: UnreadableImageError) -> UnreadableImageError:
    return UnreadableImageError(
        f"{error}; mend or remove the file, or leave out all that cannot be read by --skip-unreadable "
        "(in Python: load_dataset(folder, skip_unreadable=True))"
    )


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
    return min(usable_cores(), _HIGHEST_THREADS)
