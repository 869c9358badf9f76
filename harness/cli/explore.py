"""`harness explore`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import results_option, suite_paths, warn, word
from harness.errors import InputError, nearest

if TYPE_CHECKING:
    import altair as alt
    import numpy as np
    from numpy.typing import NDArray

    from harness.comparison import Group


@click.command("explore")
@click.argument("what", **word("WHAT", ["data", "model", "results"]), default="data")
@click.option("--dataset", help="digits, cifar10, or a folder [default: digits; for results the one they are from].")
@click.option("--images", type=int, default=12, show_default=True, help="Sample images.")
@click.option("--per-row", type=int, default=4, show_default=True, help="Sample images a row.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which sample.")
@click.option("--suite", help="Of a results folder with several.")
@click.option("--variant", help="By its name [default: model: baseline; results: all of the suite].")
@click.option("--suites", "paths", multiple=True, type=click.Path(path_type=Path), help="Where variants are declared.")
@click.option("--nested", is_flag=True, help="Model: also the layers inside a backbone.")
@results_option
@click.option("--output", type=click.Path(path_type=Path), help="Folder for the pictures [default: RESULTS/explore].")
def command(
    what: str,
    dataset: str | None,
    images: int,
    per_row: int,
    seed: int,
    suite: str | None,
    variant: str | None,
    paths: tuple[Path, ...],
    nested: bool,
    results: Path,
    output: Path | None,
) -> None:
    """Pictures, each as an interactive page (HTML, offline), SVG and PNG.

    \b
    data     sample images with their classes, and how many images each class has
    model    a variant's layers: output shape, parameters, FLOPs
    results  curves, confusion matrices, classes, and images won and lost, of a suite's variants
    """
    folder = output or results / "explore"
    if what == "data":
        _data(dataset or "digits", folder, images=images, per_row=per_row, seed=seed)
    elif what == "model":
        _model(dataset or "digits", folder, variant or "baseline", paths, nested=nested)
    else:
        _results(results, folder, suite, variant, dataset)


def _data(name: str, folder: Path, *, images: int, per_row: int, seed: int) -> None:
    from harness.datasets import load_dataset
    from harness.pictures import class_counts, counts_chart, samples_chart

    dataset = load_dataset(name)
    for warning in dataset.warnings:
        warn(warning)
    _save(samples_chart(dataset, images=images, per_row=per_row, seed=seed), folder, "samples")
    _save(counts_chart(dataset), folder, "counts")
    rows = [(count.name, count.train, count.validation, count.test) for count in class_counts(dataset)]
    click.echo(_table(rows, ("class", "train", "validation", "test")))


def _model(name: str, folder: Path, variant_name: str, paths: tuple[Path, ...], *, nested: bool) -> None:
    from harness.datasets import load_dataset
    from harness.suite_files import load_suites
    from harness.variants import BASELINE

    known = {"baseline": BASELINE}
    if variant_name != "baseline" or paths:
        known |= {v.name: v for suite in load_suites(suite_paths(paths), slow=True) for v in suite.members}
    if variant_name not in known:
        raise InputError(
            f'variant "{variant_name}" is not declared: `harness list` shows them{nearest(variant_name, known)}'
        )
    variant, dataset = known[variant_name], load_dataset(name)

    from harness.training.devices import configure_process, quiet_start

    configure_process("cpu", threads=0)
    with quiet_start():
        from harness.models import build_model
        from harness.pictures.layers import count_text, model_summary, shape_text, summary_chart

    layers = model_summary(build_model(variant, dataset.input_shape, len(dataset.classes), seed=1), nested=nested)
    _save(summary_chart(layers, f"{variant.name} on {dataset.name}"), folder, f"model-{variant.name.replace(':', '-')}")
    rows = [(x.name, x.kind, shape_text(x.output_shape), f"{x.params:,}", count_text(x.flops)) for x in layers]
    click.echo(_table(rows, ("layer", "kind", "output shape", "parameters", "FLOPs")))


def _results(results_folder: Path, folder: Path, suite: str | None, variant: str | None, name: str | None) -> None:
    from harness.pictures.of_variant import find_group, find_variants, variant_charts
    from harness.results import load_results

    results = load_results(results_folder)
    group = find_group(results, suite)
    variants = find_variants(group, variant)
    images = _test_images(name or group.dataset, group, asked=name is not None)
    for one in variants:
        for stem, chart in variant_charts(group, one, results, images):
            _save(chart, folder, stem)


def _test_images(name: str, group: Group, *, asked: bool) -> NDArray[np.uint8] | None:
    from harness.datasets import load_dataset
    from harness.training.split import image_pool

    try:
        dataset = load_dataset(name)
    except InputError:
        if asked:
            raise
        dataset = None
    if dataset is None or dataset.fingerprint != group.fingerprint:
        if asked:
            raise InputError(f"{name} is not what the results were made from: its content differs")
        click.echo(f"no pictures of images won and lost: give --dataset the folder of {group.dataset}", err=True)
        return None
    return dataset.test_images[image_pool(dataset, group.budget)[1]]


def _table(rows: Sequence[tuple[object, ...]], heads: tuple[str, ...]) -> str:
    from tabulate import tabulate

    align = ["left" if isinstance(cell, str) and not cell[:1].isdigit() else "right" for cell in rows[0]]
    return str(tabulate(rows, heads, tablefmt="simple", disable_numparse=True, colalign=align))


def _save(chart: alt.TopLevelMixin, folder: Path, name: str) -> None:
    from harness.pictures import save_exploration

    page, *pictures = save_exploration(chart, folder, name)
    click.echo(f"wrote {page} (and {', '.join(path.suffix[1:] for path in pictures)})")
