"""The command line that makes a group's results again, or goes on from them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.budgets import AUTO, BUDGETS, USUAL_MAX_SEEDS, Budget, BudgetName
from harness.comparison.groups import Group, Looks
from harness.datasets.dataset import Origin
from harness.results import Results

_USUAL_RESULTS = Path("results")
_USUAL_SUITES = Path("suites")


def words_again(
    group: Group,
    results: Results,
    *,
    looks: Looks,
    timed_as: BudgetName | None = None,
    retime: bool = False,
    there: bool = False,
) -> list[str]:
    """Return the words of a command line under a group's conditions, all but what it selects.

    Args:
        group: Whose conditions it is to have.
        results: Where they are.
        looks: The numbers of seeds.
        timed_as: Another preset, which times otherwise; epochs stay as they are, so that nothing is trained anew.
        retime: Whether to measure step times anew.
        there: Whether to go on with the group's own suite, in the results' own folder.
    """
    conditions = group.conditions
    budget, environment = conditions.budget, conditions.environment
    origin = results.datasets.get(conditions.fingerprint, Origin(conditions.dataset))
    words = [f"KERAS_BACKEND={environment.backend}"] * (environment.backend != "tensorflow")
    words += [
        "pytest",
        _place(group.suite.file, results.folder),
        "--benchmark",
        "--dataset",
        origin.source or conditions.dataset,
    ]
    if origin.image_size is not None:
        words += ["--image-size", str(origin.image_size)]
    words += ["--skip-unreadable"] * origin.skip_unreadable
    words += _budget_words(replace(budget, name=timed_as) if timed_as else budget, looks)
    # With --slow, -k chooses among the slow suites too: of no use where the suite is known to be none of them.
    slow = group.suite.slow is not False or not there
    words += ["--device", environment.device, *["--slow"] * slow, *["--retime"] * retime]
    return words + ["--results", str(results.folder)] * (there and results.folder != _USUAL_RESULTS)


def command_line(words: Sequence[str], select: str) -> str:
    """Return a command line for a shell that selects with `-k`, or everything where `select` is empty.

    >>> command_line(["KERAS_BACKEND=jax", "pytest", "suites", "--benchmark", "--slow"], "l2 or dropout")
    "KERAS_BACKEND=jax pytest suites --benchmark -k 'l2 or dropout' --slow"
    """
    place = words.index("--benchmark") + 1
    return shlex.join([*words[:place], *(["-k", select] if select else []), *words[place:]])


def _place(file: str, results: Path) -> str:
    """Return what to name for pytest to find a suite: its file, where that is one of the person's own.

    A store may be a stranger's, and what pytest is given it runs: no file that is not there, none of the results.
    """
    if not file or Path(file).parts[0] == str(_USUAL_SUITES):
        return str(_USUAL_SUITES)
    try:
        own = Path(file).is_file() and not Path(file).resolve().is_relative_to(results.resolve())
    except (OSError, RuntimeError):  # not to be looked at, or links that lead in a circle
        own = False
    return file if own else str(_USUAL_SUITES)


def _budget_words(budget: Budget, looks: Looks) -> list[str]:
    preset = BUDGETS[budget.name]
    words = ["--budget", budget.name]
    if budget.protocol != preset.protocol:
        words += ["--protocol", budget.protocol]
    if budget.weights is not None:
        words += ["--weights", budget.weights]
    if budget.epochs != preset.epochs:
        words += ["--epochs", str(budget.epochs)]
    if looks != preset.looks:
        words += ["--seeds", AUTO if len(looks) > 1 else str(looks[0])]
        words += ["--max-seeds", str(looks[-1])] * (len(looks) > 1 and looks[-1] != USUAL_MAX_SEEDS)
    return words
