"""Test images that show the same picture: what the search finds and misses, and what grouping does for the intervals.

python benchmarks/near_duplicates.py alarms --repetitions 4000       # false alarms before and after; some 4 minutes
python benchmarks/near_duplicates.py found --dataset DIR             # on images of a folder, and on changed copies
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness import load_dataset
from harness.comparison.shares import variant_shares
from harness.datasets.groups import grouped_text, groups_of
from harness.datasets.near import near_pairs
from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.statistics.ratios import two_way_of_shares

Numbers = NDArray[np.int64]
Bools = NDArray[np.bool_]

IMAGES = 800
SEEDS = (5, 10)
ALPHA = 0.05
SEED_NOISE = {"none": 0.0, "low": 0.05, "high": 0.2}
"""Standard deviation of a trained model's logit of being right: 0, some 0.8 and some 3 points of accuracy."""

EASE, EASE_SPREAD, TASTE = 1.0, 1.5, 0.7
"""Logit of being right: mean and spread over pictures, and the spread of each arm's own taste over pictures."""


def in_groups(sizes: list[int], rng: np.random.Generator) -> Numbers:
    """Return groups of these sizes in turn, until there are enough images."""
    numbers = np.repeat(np.arange(IMAGES), np.resize(sizes, IMAGES))[:IMAGES]
    return rng.permutation(numbers)


GROUPS: dict[str, list[int]] = {
    "each alone": [1],
    "one in ten in pairs": [2] + [1] * 18,
    "pairs": [2],
    "fives": [5],
    "1 to 9": [1, 1, 1, 1, 2, 2, 3, 5, 9],
}


def arm(groups: Numbers, noise: float, seeds: int, alike: float, rng: np.random.Generator, ease: NDArray) -> Bools:
    """Return what one arm gets right, [seeds, images]; images of a group share ease, taste and, `alike`, the answer."""
    count = groups.max() + 1
    logits = (ease + TASTE * rng.standard_normal(count))[groups]
    chances = 1 / (1 + np.exp(-(logits + noise * rng.standard_normal((seeds, 1)))))
    luck = np.where(
        rng.random((seeds, IMAGES)) < alike, rng.random((seeds, count))[:, groups], rng.random((seeds, IMAGES))
    )
    return np.asarray(luck < chances)


def predictions(right: Bools, labels: Numbers) -> tuple[Predictions, ...]:
    """Return predictions of four classes, a wrong one the next class."""
    predicted = (np.where(right, labels, (labels + 1) % 4)).astype(np.uint16)
    ones = np.ones(IMAGES, np.uint8)
    return tuple(Predictions(row, ones, good) for row, good in zip(predicted, right, strict=True))


def alarm_rows(repetitions: int) -> Iterator[list[str]]:
    """Yield false alarms of identical arms with each image alone, and by groups."""
    for name, sizes in GROUPS.items():
        for noise, spread in SEED_NOISE.items():
            for seeds in SEEDS:
                rng = np.random.default_rng(1)
                alarms = np.zeros((repetitions, 4), bool)
                for number in range(repetitions):
                    groups = in_groups(sizes, rng)
                    labels = rng.integers(0, 4, groups.max() + 1)[groups]
                    ease = rng.normal(EASE, EASE_SPREAD, groups.max() + 1)
                    both = [predictions(arm(groups, spread, seeds, 0.9, rng, ease), labels) for _ in range(2)]
                    for place, known in enumerate((None, groups)):
                        test_set = TestSet(tuple("abcd"), labels, known)
                        first, second = (variant_shares(one, test_set).metrics for one in both)
                        for metric, column in (("accuracy", 0), ("macro_f1", 2)):
                            effect = two_way_of_shares(first[metric], second[metric])
                            alarms[number, place + column] = effect.p_value() < ALPHA
                yield [name, noise, str(seeds), *(f"{share:.1%}" for share in alarms.mean(axis=0))]


def changes() -> dict[str, Callable[[Image.Image], Image.Image]]:
    """Return what is done to a picture before it is looked for."""

    def jpeg(image: Image.Image, quality: int) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    def moved(image: Image.Image, by: int) -> Image.Image:
        return Image.fromarray(np.pad(np.asarray(image), ((by, 0), (by, 0), (0, 0)), mode="edge")[:-by, :-by])

    def resized(image: Image.Image, side: int) -> Image.Image:
        return image.resize((side, side), Image.Resampling.BICUBIC).resize(image.size, Image.Resampling.BICUBIC)

    def cut(image: Image.Image, share: float) -> Image.Image:
        edge = image.width * (1 - share) / 2
        box = (edge, edge, image.width - edge, image.height - edge)
        return image.resize(image.size, Image.Resampling.BICUBIC, box=box)

    return {
        "JPEG 50": lambda image: jpeg(image, 50),
        "JPEG 20": lambda image: jpeg(image, 20),
        "darker, x 0.6": lambda image: image.point(lambda value: value * 6 // 10),
        "brighter, + 40": lambda image: image.point(lambda value: min(value + 40, 255)),
        "grey": lambda image: image.convert("L").convert("RGB"),
        "resized to 3/4 and back": lambda image: resized(image, image.width * 3 // 4),
        "moved by 1/32": lambda image: moved(image, max(1, image.width // 32)),
        "moved by 3/32": lambda image: moved(image, max(1, image.width * 3 // 32)),
        "turned by 3 degrees": lambda image: image.rotate(3, Image.Resampling.BICUBIC),
        "cut to 95 %": lambda image: cut(image, 0.95),
        "cut to 90 %": lambda image: cut(image, 0.9),
        "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }


def found_rows(images: NDArray[np.uint8], labels: Numbers, copies: int) -> Iterator[list[str]]:
    """Yield for each change the share of changed copies that are found, among all images, and the other pairs."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(images), copies, replace=False)
    known = set(zip(*(one.tolist() for one in near_pairs(images, labels)), strict=True))
    for name, change in changes().items():
        changed = [np.asarray(change(Image.fromarray(images[one]))) for one in chosen]
        pairs = near_pairs(np.concatenate([images, np.stack(changed)]), np.concatenate([labels, labels[chosen]]))
        both = set(zip(pairs.firsts.tolist(), pairs.seconds.tolist(), strict=True))
        right = {(int(one), len(images) + place) for place, one in enumerate(chosen)}
        others = sum(pair not in right and pair not in known and pair[0] < len(images) <= pair[1] for pair in both)
        yield [name, f"{len(both & right) / copies:.1%}", str(others)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("alarms", "found"))
    parser.add_argument("--repetitions", type=int, default=4000)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--copies", type=int, default=500)
    chosen = parser.parse_args()
    if chosen.what == "alarms":
        titles = ["groups", "seed noise", "seeds", "accuracy alone", "grouped", "macro-F1 alone", "grouped"]
        rows = alarm_rows(chosen.repetitions)
    else:
        dataset = load_dataset(chosen.dataset)
        images, labels = dataset.test_images, dataset.test_labels
        start = time.process_time()
        groups = groups_of(len(images), zip(*near_pairs(images, labels), strict=True))
        print(f"{grouped_text(groups) or 'no near-duplicates'}; {time.process_time() - start:.1f} s of CPU time\n")
        titles, rows = ["changed copies", "found", "other pairs"], found_rows(images, labels, chosen.copies)
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
