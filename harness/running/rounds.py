"""Rounds: after each, the rows are judged in this process, and those that are open get the trials of their next look.

All that decides is in the store: the plan, and the records up to each row's look. So a run that was killed at any
instant goes on as if it had not been, and what other suites train changes nothing but what is done already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.comparison import Judge
from harness.results import Results
from harness.results.records import Record
from harness.running.plan import Plan, Row
from harness.suites import Suite
from harness.variants import Variant


class Looking:
    """Says where the rows of a plan stand.

    Args:
        declared: The suites as declared: levels are corrected for their number of variants, whatever was chosen.
        judge: Judges each row once for the same records.
    """

    def __init__(self, declared: Sequence[Suite], judge: Judge) -> None:
        self._variants = {suite.name: len(suite.variants) for suite in declared}
        self._judge = judge

    def rows(self, plan: Plan, records: Mapping[str, Record], results: Results | None) -> tuple[Row, ...]:
        """Return where each row stands by some of a folder's records; none where their number of seeds is fixed."""
        if len(plan.looks) == 1 or results is None:
            return ()
        by_seed: dict[Variant, dict[int, Record]] = {
            variant: {trial.seed: records[trial.key] for trial in trials if trial.key in records}
            for variant, trials in plan.by_variant.items()
        }
        if not any(by_seed.values()):
            return ()
        # As the store has it, so that tables say the same.
        test_set, rows = results.test_set(plan.conditions), []
        for suite in plan.suites:
            for variant in suite.variants:
                found = self._judge.accuracies(
                    by_seed[suite.baseline],
                    by_seed[variant],
                    test_set,
                    comparisons=self._variants[suite.name],
                    looks=plan.looks,
                )
                rows.append(Row(suite.name, variant, found.standing, found.accuracy.verdict))
        return tuple(rows)

    def after(self, plan: Plan, tried: frozenset[str], records: Mapping[str, Record], results: Results | None) -> Plan:
        """Return the plan of the next round, after trials with these keys were tried: failed ones too, once a run."""
        return replace(plan, done=plan.done | tried, rows=self.rows(plan, records, results))
