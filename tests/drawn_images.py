"""Small dataset folders, drawn for the tests that load one."""

from pathlib import Path

import numpy as np
from PIL import Image


def draw(path: Path, seed: int, *, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Path:
    """Save an image of random pixels, different for every seed."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def draw_folder(
    root: Path,
    *,
    classes: tuple[str, ...] = ("cat", "dog"),
    train: int = 3,
    test: int = 2,
    size: tuple[int, int] = (8, 8),
) -> Path:
    """Draw a dataset folder of PNG files; no two images are the same."""
    seed = 0
    for part, count in (("train", train), ("test", test)):
        for name in classes:
            for number in range(count):
                seed += 1
                draw(root / part / name / f"{number}.png", seed, size=size)
    return root
