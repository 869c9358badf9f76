"""`harness pretrain`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli.options import PathValue, number, say, warn, with_options
from harness.options import DATASET, DEVICE, IMAGES
from harness.variants.rules import BACKBONES


@click.command("pretrain")
@with_options(DATASET, *IMAGES)
@click.option("--classes", multiple=True, help="Only these, joined with commas; repeatable [default: all].")
@click.option("--images", **number("--images", "N", 1), help="At most so many train images [default: all].")
@click.option("--backbone", default="MobileNetV2", show_default=True, help=", ".join(BACKBONES))
@click.option("--output", type=PathValue(), required=True, help="File to write, NAME.weights.h5.")
@click.option("--others", type=PathValue(), help="Folder for the other classes' images, as a dataset.")
@click.option("--other-images", **number("--other-images", "N", 1), help="At most so many in train, and in test.")
@click.option("--weights", help='Start from these: "imagenet" or a .weights.h5 file [default: random].')
@click.option("--augmentation", default="flip+shift", show_default=True, help="As the field of a variant.")
@click.option("--learning-rate", type=float, default=0.001, show_default=True)
@click.option("--batch-size", **number("--batch-size", "N", 1), default=32, show_default=True)
@click.option("--epochs", **number("--epochs", "N", 1), default=10, show_default=True)
@click.option("--seed", **number("--seed", "N", 1), default=1, show_default=True)
@with_options(DEVICE)
def command(classes: tuple[str, ...], output: Path, others: Path | None, **options: Any) -> None:
    """Train a backbone and save its weights, for `weights=` of a variant: transfer learning without a network.

    With --classes it learns from those alone; --others then writes the other classes as a dataset to transfer to.
    All cores train, since it is one training.
    """
    from harness.budgets import BUDGETS
    from harness.datasets import load_dataset
    from harness.datasets.subset import named_classes, select_classes
    from harness.datasets.writing import write_folder
    from harness.errors import InputError
    from harness.machine import usable_cores
    from harness.training.devices import configure_process, find_device, quiet_start, training_environment
    from harness.variants import Variant
    from harness.wording import duration

    variant = Variant(
        backbone=options["backbone"],
        fine_tune=True,
        dense=(),
        **{name: options[name] for name in ("weights", "augmentation", "learning_rate", "batch_size")},
    )
    budget = BUDGETS["quick"].override(epochs=options["epochs"], seeds=1)
    whole = load_dataset(
        options["dataset"], image_size=options["image_size"], skip_unreadable=options["skip_unreadable"]
    )
    for warning in whole.warnings:
        warn(warning)
    chosen = named_classes(classes, whole.classes) or list(whole.classes)
    if others is not None and len(chosen) >= len(whole.classes):
        raise InputError("--others needs --classes: without it there are no other classes to write")
    dataset = whole
    if classes or options["images"]:
        dataset = select_classes(whole, chosen, images=options["images"])
    device = find_device(options["device"])
    configure_process(device.kind, threads=0)
    with quiet_start():
        from harness.training.pretraining import chance_trouble, check_pretraining, pretrain

    check_pretraining(variant, dataset, output)
    if others is not None:
        rest = [name for name in whole.classes if name not in chosen]
        write_folder(select_classes(whole, rest, images=options["other_images"]), others)
        say(f"wrote {others}: {', '.join(rest)}")
    environment = training_environment(device, threads=usable_cores())
    started = time.monotonic()
    ends_s: list[float] = []

    def note(epoch: int) -> None:
        ends_s.append(time.monotonic() - started)
        say(f"epoch {epoch} of {budget.epochs}, {duration(ends_s[-1])}, {left_text(ends_s, budget.epochs)}")

    record = pretrain(
        variant, dataset, output, seed=options["seed"], budget=budget, environment=environment, notify=note
    )
    click.echo(
        f"wrote {output}: {variant.backbone} after epoch {record.epoch} of {budget.epochs}, "
        f"{len(dataset.train_labels):,} images of {len(dataset.classes)} classes, test accuracy {record.accuracy:.3f}"
    )
    if trouble := chance_trouble(record, dataset):
        warn(trouble)


def left_text(ends_s: Sequence[float], epochs: int) -> str:
    """Return about how long the rest takes, by when each epoch ended; the first also builds the model.

    >>> left_text([60.0], 5), left_text([60.0, 70.0], 5), left_text([60.0, 70.0], 2)
    ('at most 4 min 00 s left', 'about 30 s left', 'none left')
    """
    from harness.wording import duration

    epoch = len(ends_s)
    if epoch == epochs:
        return "none left"
    if epoch == 1:
        return f"at most {duration(ends_s[0] * (epochs - 1))} left"
    return f"about {duration((ends_s[-1] - ends_s[0]) / (epoch - 1) * (epochs - epoch))} left"
