"""`harness explore`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completing import suite_names, variant_names
from harness.cli.options import PathValue, number, results_option, say, suite_paths, warn, with_options, word
from harness.cli.selection import condition_options, wanted
from harness.comparison.wanted import Wanted
from harness.datasets import Dataset, Origin, load_from, load_stored
from harness.errors import HarnessError, InputError, nearest
from harness.files import ignore_in_git
from harness.options import DATASET, IMAGES

if TYPE_CHECKING:
    import altair as alt
    import numpy as np
    from numpy.typing import NDArray

    from harness.comparison import Group
    from harness.variants import Variant


@click.command("explore")
@click.argument("what", **word("WHAT", ["data", "model", "results"]), default="data")
@with_options(replace(DATASET, default=None, default_text="what RESULTS is from, else digits"), *IMAGES)
@click.option("--images", **number("--images", "N", 1), default=12, show_default=True, help="Sample images.")
@click.option("--per-row", **number("--per-row", "N", 1), default=4, show_default=True, help="Sample images in a row.")
@click.option("--seed", **number("--seed", "N", 0), default=1, show_default=True, help="Which sample.")
@click.option("--suite", shell_complete=suite_names, help="Of a results folder with several.")
@condition_options("budget", "device", "backend")
@click.option(
    "--variant", shell_complete=variant_names, help="By its name [default: model: baseline; results: all of the suite]."
)
@click.option("--suites", "paths", multiple=True, type=PathValue(), help="Where variants are declared.")
@click.option("--nested", is_flag=True, help="Model: also the layers inside a backbone.")
@results_option
@click.option("--output", type=PathValue(), help="Folder for the pictures [default: RESULTS/explore].")
def command(
    what: str,
    dataset: str | None,
    image_size: int | None,
    skip_unreadable: bool,
    images: int,
    per_row: int,
    seed: int,
    suite: str | None,
    variant: str | None,
    paths: tuple[Path, ...],
    nested: bool,
    results: Path,
    output: Path | None,
    **options: str | None,
) -> None:
    """Pictures, each as an interactive page (HTML, offline), SVG and PNG.

    \b
    data     sample images with their classes, and how many images each class has
    model    a variant's layers: output shape, parameters, FLOPs
    results  curves, confusion matrices, classes, and images won and lost, of a suite's variants: of what was trained
             last, unless --budget, --device or --backend chooses
    """
    folder, is_new = output or results / "explore", output is None and not results.exists()
    asked = Origin(dataset or "", image_size=image_size, skip_unreadable=skip_unreadable)
    if what == "data":
        _data(_load(asked, results), folder, images=images, per_row=per_row, seed=seed)
    elif what == "model":
        _model(asked, results, folder, variant or "baseline", suite, paths, nested=nested)
    else:
        _results(results, folder, suite, variant, asked, wanted(options))
    if is_new and results.is_dir():
        ignore_in_git(results)


def _where(asked: Origin, results: Path) -> Origin:
    """Return what was asked for, or else the dataset that a results folder used last, or else the digits."""
    from harness.results.opening import has_store, read_store

    if asked.source or not has_store(results):
        return replace(asked, source=asked.source or "digits")
    with read_store(results) as store:
        *_, last = (Origin("digits"), *store.datasets().values())
    return _completed(asked, last)


def _completed(asked: Origin, stored: Origin) -> Origin:
    """Return what was asked for, and where nothing was what is stored."""
    return Origin(
        asked.source or stored.source,
        image_size=asked.image_size or stored.image_size,
        skip_unreadable=asked.skip_unreadable or stored.skip_unreadable,
    )


def _load(asked: Origin, results: Path) -> Dataset:
    dataset = (load_from if asked.source else load_stored)(_where(asked, results))
    for warning in dataset.warnings:
        warn(warning)
    return dataset


def _data(dataset: Dataset, folder: Path, *, images: int, per_row: int, seed: int) -> None:
    from harness.pictures import class_counts, counts_chart, samples_chart

    _save(samples_chart(dataset, images=images, per_row=per_row, seed=seed), folder, f"samples-{dataset.name}")
    _save(counts_chart(dataset), folder, f"counts-{dataset.name}")
    rows = [(count.name, count.train, count.validation, count.test) for count in class_counts(dataset)]
    say(_table(rows, ("class", "train", "validation", "test")))


def _model(
    asked: Origin,
    results: Path,
    folder: Path,
    variant_name: str,
    suite: str | None,
    paths: tuple[Path, ...],
    *,
    nested: bool,
) -> None:
    variant, dataset = _declared(variant_name, suite, paths), _load(asked, results)

    from harness.training.devices import configure_process, quiet_start

    configure_process("cpu", threads=0)
    with quiet_start():
        from harness.models import build_model
        from harness.pictures.layers import count_text, model_summary, shape_text, summary_chart

    layers = model_summary(build_model(variant, dataset.input_shape, len(dataset.classes), seed=1), nested=nested)
    stem = f"model-{variant_name.replace(':', '-')}-{dataset.name}"
    _save(summary_chart(layers, f"{variant_name} on {dataset.name}"), folder, stem)
    rows = [(x.name, x.kind, shape_text(x.output_shape), f"{x.params:,}", count_text(x.flops)) for x in layers]
    say(_table(rows, ("layer", "kind", "output shape", "parameters", "FLOPs")))


def _declared(name: str, suite: str | None, paths: tuple[Path, ...]) -> Variant:
    from harness.suite_files import load_suites
    from harness.suites import members_called
    from harness.variants import BASELINE

    if name == "baseline" and not paths and suite is None:
        return BASELINE
    suites = [one for one in load_suites(suite_paths(paths), slow=True) if suite in (None, one.name)]
    found = members_called(suites, name)
    if not found:
        known = [label for one in suites for label in one.names]
        place = shlex.join(map(str, suite_paths(paths)))
        raise InputError(
            f'variant "{name}" is not declared in {place}: `harness list {place}` shows those that are, '
            f"--suites PATH names another place{nearest(name, known)}"
        )
    if len(found) > 1:
        listed = ", ".join(dict.fromkeys(one for of in found.values() for one in of))
        raise InputError(f'variant "{name}" is {len(found)} different ones in {listed}: say which with --suite NAME')
    return next(iter(found))


def _results(
    results_folder: Path, folder: Path, suite: str | None, variant: str | None, asked: Origin, chosen: Wanted
) -> None:
    from harness.pictures.of_variant import find_group, find_variants, variant_charts
    from harness.results import load_results

    results = load_results(results_folder)
    group = find_group(results, suite, chosen)
    variants = find_variants(group, variant)
    conditions = group.conditions
    say(f"{group.suite.name}: {conditions.label}")
    place = re.sub(r"[^\w.+-]+", "-", f"{group.suite.name}-{conditions.label}")
    origin = _completed(asked, results.datasets.get(conditions.fingerprint, Origin(conditions.dataset)))
    images = _test_images(origin, group, asked=bool(asked.source))
    for one in variants:
        for stem, chart in variant_charts(group, one, results, images):
            _save(chart, folder, f"{stem}-{place}")


def _test_images(origin: Origin, group: Group, *, asked: bool) -> NDArray[np.uint8] | None:
    from harness.training.split import image_pool

    dataset = None
    try:
        dataset = (load_from if asked else load_stored)(origin)
    except HarnessError:
        if asked:
            raise
    if dataset is None or dataset.fingerprint != group.conditions.fingerprint:
        if asked:
            raise InputError(
                f"{origin.source} is not what the results were made from: its content differs (or its --image-size)"
            )
        name = group.conditions.dataset
        say(f"no pictures of images won and lost: give --dataset the folder of {name}", err=True)
        return None
    if dataset.input_shape[2] not in (1, 3, 4):
        say(f"no pictures of images won and lost: they have {dataset.input_shape[2]} channels", err=True)
        return None
    return dataset.test_images[image_pool(dataset, group.conditions.budget)[1]]


def _table(rows: Sequence[tuple[object, ...]], heads: tuple[str, ...]) -> str:
    from tabulate import tabulate

    from harness.tables.escape import one_line

    align = ["left" if isinstance(cell, str) and not cell[:1].isdigit() else "right" for cell in rows[0]]
    cells = [[one_line(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return str(tabulate(cells, heads, tablefmt="simple", disable_numparse=True, colalign=align))


def _save(chart: alt.TopLevelMixin, folder: Path, name: str) -> None:
    from harness.pictures import save_exploration

    page, *pictures = save_exploration(chart, folder, name)
    say(f"wrote {page} (and {', '.join(path.suffix[1:] for path in pictures)})")
