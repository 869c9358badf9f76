"""The plan: which trials a set of suites needs, which of them are done, and about how long the rest takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from harness.budgets import Budget
from harness.comparison.standing import Standing
from harness.comparison.verdicts import Verdict
from harness.comparison.wanted import ANY
from harness.datasets.facts import DatasetFacts
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.duration import Estimator
from harness.running.image_times import own_and_others
from harness.running.machine_speed import UNKNOWN, MachineSpeed
from harness.running.share import WHOLE, Share
from harness.suites import Suite, shown_names
from harness.variants import Variant
from harness.variants.sizes import check_variant


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a table to be: a suite's variant, and where it stands."""

    suite: str
    variant: Variant
    standing: Standing
    verdict: Verdict = Verdict.UNRESOLVED


BEFORE_ALL = Standing(0, open=True)


@dataclass(frozen=True, eq=False)
class Plan:
    """Trials of some suites, in the order in which they run: each suite's baseline first.

    Where rows are judged at several looks, their trials run in rounds, each up to the next look of the rows that are
    open. (Within a round a variant's seeds follow each other: a worker keeps the model that it has built.)

    Attributes:
        suites: What is compared.
        conditions: What all trials share.
        looks: At how many seeds rows are judged; one where their number is fixed.
        trials: Every trial that may be needed once, however many suites need it.
        done: Keys of those that the store has.
        rows: Where each row stands; none where nothing is trained yet, or nothing is to be looked at.
        seconds: About how long the trials of this round take on `workers` workers, their start included, and all that
            may be needed.
        workers: Trials at once.
        estimator: Says how long things take here.
        expected: About how long each trial takes that is not done, in seconds, by key.
        share: Which of the trials are needed here; other machines train the others.
        rows_to_write: How many rows the tables of the folder have at the end, those of other suites too; a share writes
            none.
    """

    suites: tuple[Suite, ...]
    conditions: Conditions
    looks: tuple[int, ...]
    trials: tuple[Trial, ...]
    done: frozenset[str]
    rows: tuple[Row, ...]
    seconds: tuple[float, float]
    workers: int
    estimator: Estimator
    share: Share = WHOLE
    expected: Mapping[str, float] = field(default_factory=dict)
    rows_to_write: int = 0

    @cached_property
    def todo(self) -> tuple[Trial, ...]:
        """The trials of the next round that are not done."""
        return tuple(trial for trial in self.needed if trial.key not in self.done)

    @cached_property
    def needed(self) -> tuple[Trial, ...]:
        """The trials up to the next look of each row, or up to its last one where it is not open; done or not."""
        return self._up_to(seeds_needed(self.suites, self.rows, self.looks, last=False))

    @cached_property
    def possible(self) -> tuple[Trial, ...]:
        """The trials that would be needed if no open row were settled before its last look; done or not."""
        return self._up_to(seeds_needed(self.suites, self.rows, self.looks, last=True))

    def _up_to(self, seeds: Mapping[Variant, int]) -> tuple[Trial, ...]:
        return tuple(trial for trial in _taken(self.share, self.trials) if trial.seed <= seeds[trial.variant])

    @cached_property
    def by_variant(self) -> dict[Variant, list[Trial]]:
        """The trials of each variant, in the order of their seeds."""
        found: dict[Variant, list[Trial]] = {}
        for trial in self.trials:
            found.setdefault(trial.variant, []).append(trial)
        return found

    @cached_property
    def names(self) -> dict[Variant, str]:
        """What each variant is called where several suites are told of."""
        return shown_names(self.suites)

    def label(self, trial: Trial) -> str:
        """Return how people see one of the trials."""
        return trial.called(self.names.get(trial.variant, trial.variant.name))

    def of_suite(self, suite: Suite) -> dict[Variant, list[Trial]]:
        """Return the trials of a suite's members, the baseline first."""
        return {variant: self.by_variant[variant] for variant in suite.members}


def make_plan(
    suites: Sequence[Suite],
    dataset: DatasetFacts,
    budget: Budget,
    environment: Environment,
    records: Mapping[str, Record],
    *,
    workers: int,
    retrain: bool = False,
    machine: str = "",
    made_on: Mapping[str, str] | None = None,
    speed: MachineSpeed = UNKNOWN,
    share: Share = WHOLE,
    held: Sequence[PlannedSuite] = (),
    declared: Sequence[Suite] = (),
    has_model: Callable[[Trial], bool] | None = None,
    look: Callable[[Plan, Mapping[str, Record]], tuple[Row, ...]] = lambda plan, records: (),
) -> Plan:
    """Return the plan; a trial that failed is to do again, one that diverged is done, and with `retrain` none is.

    Where models are to be kept, `has_model` says of a trial whether its is: one that ended without is to do again.
    `share` says which of the trials are done here, `look` says of records where the rows of a plan stand. How long it
    takes is told from the records that this machine made, and its `speed`; `made_on` says by key which machine made
    each (None: this one), `held` what the folder's tables show already, and `declared` the whole of suites of
    which some variants are chosen.

    Raises:
        InputError: A variant's model is too small or too large for the dataset's images, or its builder is missing.
    """
    variants = dict.fromkeys(variant for suite in suites for variant in suite.members)
    conditions = Conditions(dataset.name, dataset.fingerprint, budget, environment)
    trials: list[Trial] = []
    for variant in variants:
        check_variant(variant, dataset.input_shape, len(dataset.classes))
        against = tuple(dict.fromkeys(suite.baseline for suite in suites if variant in suite.variants))
        trials += conditions.trials(
            variant, range(1, budget.seeds + 1), against=against, keep_models=has_model is not None
        )
    known = {} if retrain else records

    def is_done(trial: Trial) -> bool:
        status = known[trial.key].status if trial.key in known else "failed"
        return status == "diverged" or (status == "ok" and (has_model is None or has_model(trial)))

    done = frozenset(trial.key for trial in _taken(share, trials) if is_done(trial))
    machines = dict.fromkeys(records, machine) if made_on is None else made_on
    own, elsewhere = own_and_others(records, machines, machine, environment)
    estimator = Estimator(dataset, workers, own, speed, elsewhere)
    plan = Plan(tuple(suites), conditions, budget.looks, tuple(trials), done, (), (0.0, 0.0), workers, estimator, share)
    to_write = _rows_to_write(plan, held, declared) if share == WHOLE else 0
    plan = replace(plan, rows=look(plan, known), rows_to_write=to_write)

    def seconds(some: Sequence[Trial]) -> float:
        return estimator.training_s([one for one in some if one.key not in done])

    todo = [trial for trial in plan.possible if trial.key not in done]
    expected = dict(zip((one.key for one in todo), estimator.trials_s(todo), strict=True))
    return replace(plan, seconds=(seconds(plan.needed), seconds(plan.possible)), expected=expected)


def _rows_to_write(plan: Plan, held: Sequence[PlannedSuite], declared: Sequence[Suite]) -> int:
    """Return how many rows a folder's tables have once a plan is done, by what was planned there, the oldest first."""
    whole = {suite.name: suite for suite in (*plan.suites, *declared)}
    own = [
        PlannedSuite(whole[suite.name], plan.conditions, plan.looks, dict.fromkeys(suite.members, ""))
        for suite in plan.suites
    ]
    newest: dict[tuple[str, Conditions], PlannedSuite] = {}
    chosen: dict[tuple[str, Conditions], set[Variant]] = {}
    for one in (*held, *own):
        place = one.suite.name, one.conditions
        newest[place] = one
        chosen.setdefault(place, set()).update(one.sources)
    shown, _ = ANY.choose(list(newest.values()), lambda one: one.suite.name)
    return sum(len(chosen[one.suite.name, one.conditions].intersection(one.suite.members)) for one in shown)


def _taken(share: Share, trials: Sequence[Trial]) -> Iterator[Trial]:
    return (trial for place, trial in enumerate(trials) if share.takes(place))


def seeds_needed(
    suites: Sequence[Suite], rows: Sequence[Row], looks: Sequence[int], *, last: bool
) -> dict[Variant, int]:
    """Return how many seeds each variant needs next, or at most; a baseline as many as the furthest of its rows.

    Open rows go to the next look together: one that an interrupted run has taken further waits for the others.
    """
    known = {(row.suite, row.variant): row.standing for row in rows}
    pairs = [(suite, variant) for suite in suites for variant in suite.variants]
    standings = [known.get((suite.name, variant), BEFORE_ALL) for suite, variant in pairs]
    following = [next(look for look in looks if look > one.look) if one.open else 0 for one in standings]
    together = looks[-1] if last else min(filter(None, following), default=0)
    needed = dict.fromkeys((suite.baseline for suite in suites if not suite.variants), looks[0])
    for (suite, variant), standing, look in zip(pairs, standings, following, strict=True):
        seeds = together if look and (last or look == together) else standing.look
        for one in (suite.baseline, variant):
            needed[one] = max(needed.get(one, 0), seeds)
    return needed
