"""`harness model`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completing import suite_names, variant_names
from harness.cli.options import number, results_option, say
from harness.cli.selection import condition_options, wanted
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.comparison import Group
    from harness.results.records import Record
    from harness.variants import Variant

_DEFAULT = "the best on its validation images; under --protocol tutorial, which has none, the lowest that is kept"


@click.command("model")
@click.argument("variant", metavar="VARIANT", shell_complete=variant_names)
@click.option("--seed", **number("--seed", "N", 1), help=f"Of which trial [default: {_DEFAULT}].")
@click.option(
    "--suite", metavar="NAME", shell_complete=suite_names, help="The suite that calls it so, where several do."
)
@results_option
@condition_options()
def command(variant: str, seed: int | None, suite: str | None, results: Path, **options: Any) -> None:
    """The trained model of VARIANT that --save-models kept: its file, what it reached, and the lines that load it.

    \b
      pytest suites --benchmark --save-models
      harness model dropout:0.5                 # of several conditions the last one trained

    It takes pixels from 0 to 255: the division is in it.
    """
    from harness.results import load_results
    from harness.results.kept_models import kept_models, model_of, not_kept
    from harness.results.model_lines import loading_lines

    found = load_results(results)
    group, chosen = _find(found, variant, suite, wanted(options))
    records = {number: one for number, one in group.records[chosen].items() if one.status == "ok"}
    kept = kept_models(results)
    files = {number: path for number, one in records.items() if (path := model_of(one.trial, kept)) is not None}
    if seed is not None and seed not in group.records[chosen]:
        known = ", ".join(map(str, sorted(group.records[chosen])))
        raise InputError(f'--seed is {seed}: "{variant}" was trained with the seeds {known}')
    if not files or (seed is not None and seed not in files):
        what = f'seed {seed} of "{variant}"' if seed is not None else f'"{variant}"'
        there = f" (there is one of the seeds {', '.join(map(str, sorted(files)))})" if files else ""
        said = not_kept(results)
        reasons = [
            path for number, one in records.items() if seed in (None, number) and (path := model_of(one.trial, said))
        ]
        if reasons:
            raise InputError(f"{results} has no model of {what}{there}: Keras cannot save it, as {reasons[0]} says")
        raise InputError(
            f"{results} has no model of {what}{there}: run the same command again with --save-models, which trains "
            "those trials again and keeps their models"
        )
    # What the tutorial watches are the test images: a choice by them would flatter the accuracy that is shown.
    by_validation = group.conditions.budget.protocol != "tutorial"
    if seed is not None:
        best = seed
    elif by_validation:
        best = max(files, key=lambda number: (_validation(records[number]), -number))
    else:
        best = min(files)
    record, path = records[best], files[best]
    test_set = found.test_set(group.conditions)
    kind = "the best of them on validation images" if by_validation else "the lowest that is kept"
    why = f", {kind}" * (seed is None and len(files) > 1)
    say(str(path))
    say(
        f"{group.suite.name} / {group.suite.label(chosen)}, seed {best} of {len(group.records[chosen])}{why}: "
        f"accuracy {record.accuracy:.2%} on {len(test_set.labels):,} test images, epoch {record.epoch}; "
        f"{group.conditions.label}\n"
    )
    for line in loading_lines(path, record.trial, test_set.classes):
        say(line)


def _validation(record: Record) -> float:
    return record.history[record.epoch - 1].val_accuracy if 0 < record.epoch <= len(record.history) else 0.0


def _find(results: Any, name: str, suite: str | None, chosen: Any) -> tuple[Group, Variant]:
    """Return the variant that a name means, and of its groups the one trained last."""
    from harness.comparison import group_records
    from harness.comparison.named import meant

    (variant,) = meant(results, (name,), suite)
    held = [one for one in group_records(results) if variant in one.records and suite in (None, one.suite.name)]
    groups = [one for one in held if one.records[variant]]
    if held and not groups:
        why = next((one.outdated[variant] for one in held if variant in one.outdated), "without a result: run it again")
        raise InputError(f'variant "{name}" was {why}')
    kept, _ = chosen.choose(groups)
    places = {id(record): place for place, record in enumerate(results.records.values())}
    return max(kept, key=lambda one: max(places[id(record)] for record in one.records[variant].values())), variant
