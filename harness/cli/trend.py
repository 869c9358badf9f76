"""`harness trend`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from harness.cli.completing import variant_names
from harness.cli.options import PathValue, format_option, margin_options, remark, say
from harness.cli.selection import condition_options, wanted
from harness.options import chosen_margins


@click.command("trend")
@click.argument("folders", nargs=-1, type=PathValue(), metavar="DIR...")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    shell_complete=variant_names,
    help="Only this variant; repeatable.",
)
@click.option("--page", type=PathValue(dir_okay=False), metavar="FILE", help="Also an HTML page.")
@format_option()
@margin_options
@condition_options()
def command(
    folders: tuple[Path, ...], variants: tuple[str, ...], page: Path | None, style: str, **options: Any
) -> None:
    """Accuracy and step time of each variant over results folders, the oldest first, and where they changed.

    A change is a verdict against the folder before, corrected for the number of folders. For example:

    \b
      harness trend nights/2026-11-*            # one folder per night
      harness trend --variant baseline --page trend.html results-v1 results-v2 results-v3
    """
    import sys

    from harness.comparison.trend import trend
    from harness.errors import InputError, nearest
    from harness.results import load_results
    from harness.tables import screen_of
    from harness.tables.render import program_text
    from harness.tables.trend_table import trend_tables

    opened = [load_results(folder, history=False) for folder in folders]
    left_out: list[str] = []
    frame = trend(opened, chosen_margins(options), wanted(options), note=left_out.append)
    places = [str(results.folder) for results in opened]
    names = list(dict.fromkeys(frame["variant"]))
    for variant in variants:
        if variant not in names:
            raise InputError(f'--variant is "{variant}": use {", ".join(names)}{nearest(variant, names)}')
    for line in left_out:
        remark(line)
    if variants:
        frame = frame[frame["variant"].isin(variants)]
    if style in ("csv", "json"):
        say(program_text(frame, style), nl=False)
    else:
        say(trend_tables(frame, folders=places, style=cast("Any", style), screen=screen_of(sys.stdout)), nl=False)
    if page is not None:
        from harness.report.trend_page import write_trend_page

        say(f"wrote {write_trend_page(frame, page, folders=places, left_out=left_out)}", err=True)
