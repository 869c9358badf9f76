"""What GitHub Actions shows: an annotation for each failed gate, and the tables on the run's summary page.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparison.gate import Failure
from harness.comparison.outcome import SuiteOutcome
from harness.tables import escape
from harness.tables.failures import describe_failure
from harness.tables.outcome import outcome_section

if TYPE_CHECKING:
    import pandas as pd

# GitHub refuses a step's whole summary above 1 MiB, and shows ten annotations of a kind a step.
SUMMARY_LIMIT = 2**20 - 2**12
ANNOTATION_LIMIT = 10
_CUT = "\n\n_The rest is left out: GitHub takes at most 1 MiB a step. The results folder has all tables._\n"


def tell_github(
    frame: pd.DataFrame,
    failed: Sequence[Failure],
    environ: Mapping[str, str],
    *,
    outcomes: Sequence[SuiteOutcome] = (),
    write: Callable[[str], object] | None = None,
) -> None:
    """Tell GitHub Actions about a comparison; do nothing elsewhere.

    Under GITHUB_ACTIONS a line `::error ...` for each failed row; where GITHUB_STEP_SUMMARY names a file, the failed
    gates and the tables are added to it, together with what it holds below 1 MiB.

    Args:
        frame: From `compare` or `compare_folders`.
        failed: From `failed_rows`, perhaps empty.
        environ: `os.environ`.
        outcomes: What each suite came to.
        write: Takes the annotations, by default standard error; GitHub reads both output streams.
    """
    write = write or sys.stderr.write
    if environ.get("GITHUB_ACTIONS") == "true":
        lines = annotation_lines(failed)
        if lines:
            # The runner takes a command only at a line's start, and a progress line may stand there unended.
            write("\n" + "".join(f"{line}\n" for line in lines))
    path = environ.get("GITHUB_STEP_SUMMARY")
    if path:
        _append(Path(path), summary(frame, failed, outcomes), write)


def annotation_lines(failed: Sequence[Failure]) -> list[str]:
    """Return a workflow command for each failed row; the tenth stands for all that are left."""
    shown = failed if len(failed) <= ANNOTATION_LIMIT else failed[: ANNOTATION_LIMIT - 1]
    lines = [f"::error title={_property('failed gate')}::{_data(describe_failure(one))}" for one in shown]
    if len(shown) < len(failed):
        lines.append(f"::error title={_property('failed gate')}::and {len(failed) - len(shown)} more rows")
    return lines


def summary(frame: pd.DataFrame, failed: Sequence[Failure], outcomes: Sequence[SuiteOutcome] = ()) -> str:
    """Return the comparison as Markdown: failed gates, what each suite came to, then a table per suite."""
    parts = []
    if failed:
        parts.append(f"### {len(failed)} row{'s' * (len(failed) != 1)} failed a gate")
        parts.append("\n".join(f"- {escape.markdown(describe_failure(one))}" for one in failed))
    if outcomes:
        parts.append(outcome_section(outcomes, style="github"))
    parts += _tables(frame)
    return "\n\n".join(parts) + "\n"


def _tables(frame: pd.DataFrame) -> list[str]:
    from harness.tables.folder_table import folder_table
    from harness.tables.suite_rows import split_tables
    from harness.tables.suite_table import render_suite

    if "suite" in frame:
        return [render_suite(part, style="github") for part in split_tables(frame)]
    return [
        folder_table(part, [f"{dataset}, {budget}, {device}", *_differences(part)], style="github")
        for (dataset, budget, device), part in frame.groupby(["dataset", "budget", "device"], sort=False)
    ]


def _differences(frame: pd.DataFrame) -> list[str]:
    listed = dict.fromkeys(text for text in frame["differences"] if text)
    return [f"what else differs: {'; '.join(listed)}"] if listed else ["nothing else differs"]


def _append(path: Path, text: str, write: Callable[[str], object]) -> None:
    try:
        there = path.stat().st_size if path.exists() else 0
        room = SUMMARY_LIMIT - there
        data = text.encode()
        if len(data) > room:
            kept = data[: max(room - len(_CUT.encode()), 0)]
            # Whole lines only: half a table row would break the page.
            data = kept[: kept.rfind(b"\n") + 1] + _CUT.encode()
        if len(data) <= room:
            with path.open("ab") as file:
                file.write(data)
    except OSError as error:
        write(f"warning: the step summary {path} cannot be written ({error.strerror})\n")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
