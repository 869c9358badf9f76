"""`harness doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import say, with_options
from harness.options import DATASET, IMAGES, RESULTS
from harness.tables.screen import Paint
from harness.wording import counted

_LEAST_BESIDE = 30  # columns that what was found needs beside the name of its check
_MARKS = {"ok": "ok", "warning": "warning", "failed": "FAILED"}
_PAINTS: dict[str, Paint] = {"warning": "unsure", "failed": "bad"}


@click.command("doctor")
@with_options(RESULTS, DATASET, *IMAGES)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(results: Path, dataset: str, image_size: int | None, skip_unreadable: bool, as_json: bool) -> int:
    """Check that this machine is fit to train and to time; says what to do where it is not.

    Exit code 0 when all is well (a warning included), 1 when something failed.
    """
    import time

    from harness.datasets import Origin
    from harness.doctor import examine

    started = time.perf_counter()
    origin = Origin(dataset, image_size=image_size, skip_unreadable=skip_unreadable)
    checks = examine(results=results, dataset=origin)
    seconds = time.perf_counter() - started
    failed = sum(check.status == "failed" for check in checks)
    if as_json:
        import dataclasses
        import json

        content = {"well": not failed, "seconds": round(seconds, 3), "checks": [dataclasses.asdict(c) for c in checks]}
        click.echo(json.dumps(content, indent=2))
        return 1 if failed else 0
    import sys
    import textwrap

    from harness.tables import escape, screen_of

    screen = screen_of(sys.stdout)
    width = max(len(check.name) for check in checks)
    beside = screen.width - width - 11 >= _LEAST_BESIDE
    indent = " " * (width + 11 if beside else 2)
    room = max(screen.width - len(indent), 1)
    for check in checks:
        mark = screen.paint(_MARKS[check.status], _PAINTS.get(check.status))
        lines = textwrap.wrap(escape.one_line(check.found), room, break_on_hyphens=False)
        head = f"{check.name:<{width}}  {mark}{' ' * (9 - len(_MARKS[check.status]))}" if beside else ""
        click.echo((head or f"{check.name}:\n{indent}{mark}\n{indent}") + f"\n{indent}".join(lines), color=True)
        if check.remedy:
            for line in textwrap.wrap(f"-> {check.remedy}", room):
                click.echo(indent + line)
    warnings = sum(check.status == "warning" for check in checks)
    say(f"{len(checks)} checks in {seconds:.1f} s: {failed} failed, {counted(warnings, 'warning')}", fold=True)
    return 1 if failed else 0
