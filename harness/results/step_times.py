"""What timing one variant against its baseline measured: raw blocks first, figures derived from them after."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Any

from harness.budgets import Budget, BudgetName
from harness.errors import InputError
from harness.results.provenance import COMPUTE_CAPABILITY
from harness.results.reading import LONGEST_S, parse_json, read_as, refuse
from harness.results.records import NAN
from harness.results.trials import Environment
from harness.results.writing import to_json
from harness.variants import Variant

# Counts each budget's ways of measuring whose figures are not comparable: in a key, so that older ones are measured
# anew.
RECIPE: dict[BudgetName, int] = {"smoke": 4, "quick": 4, "full": 5}

CURRENT, UNKNOWN = 0, -1

_SHORTEST_MS = 1e-9

# Blocks of one arm: one row per fresh build, one column per block, milliseconds per training step in each.
Blocks = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class StepTimes:
    """Baseline, a second build of the baseline (the control) and the variant, timed side by side.

    Where the variant is the baseline itself, the control's builds stand for it too and run twice per block: the times
    of a block are different, the builds the same. Older records hold third builds, which a reader need not tell apart:
    nothing is claimed of a baseline beside itself, and its step is as typical in either (so `RECIPE` counts them as
    one).

    Attributes:
        key: Identifies the pair, its data shape and its environment; of several measurements the newest is read.
        variant: The variant timed.
        baseline: What it is paired with.
        dataset: Name of the dataset that gave the images.
        fingerprint: Content of that dataset.
        budget: Whose settings chose the number of blocks.
        environment: Device, backend, threads (all cores, unlike a trial's) and versions.
        steps_per_block: Training steps in each block; the median of several processes.
        baseline_ms, control_ms, variant_ms: Milliseconds per training step, one value per block, paired by position.
        block_overhead_ms: What a block took beyond its steps, already taken off those values; nan in records older
            than this field, whose values contain it.
        predict_one_ms, predict_batch_ms: Median milliseconds to predict 1 image and `predict_batch` images.
        predict_batch: Images in that batch.
        build_s: Seconds to build and compile the model, median over builds.
        first_step_s: Seconds of the first training step, tracing included, median over builds.
        flops: Floating-point operations to predict one image, by the backend's own count.
        gemm_share: Share of this machine's measured matrix-product peak that predicting a batch reaches, 0..1.
        flags: What disturbed the measurement, in words; empty when nothing did.
        recipe: Version of its way of measuring; UNKNOWN in records older than this field.
        sources: Fingerprints of the files that baseline and variant depend on, empty for none.
    """

    key: str
    variant: Variant
    baseline: Variant
    dataset: str
    fingerprint: str
    budget: Budget
    environment: Environment
    steps_per_block: int
    baseline_ms: Blocks
    control_ms: Blocks
    variant_ms: Blocks
    predict_one_ms: float = NAN
    predict_batch_ms: float = NAN
    predict_batch: int = 0
    build_s: float = NAN
    first_step_s: float = NAN
    flops: float = NAN
    gemm_share: float = NAN
    flags: tuple[str, ...] = ()
    block_overhead_ms: float = NAN
    recipe: int = CURRENT
    sources: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        if self.recipe == CURRENT:
            object.__setattr__(self, "recipe", RECIPE[self.budget.name])

    @property
    def is_current(self) -> bool:
        """Whether it was measured as this version measures, on the device it names: others are never shown."""
        return self.recipe == RECIPE[self.budget.name] and self.device_is_certain

    def identified(self, machine: str, sources: Collection[tuple[str, str]]) -> StepTimes:
        """Return a measurement stored before recipe and sources were, with those that give its key; else as it is.

        Args:
            machine: Where it was made.
            sources: Those that its baseline and variant may have had.
        """
        if self.recipe != UNKNOWN:
            return self
        for recipe, pair in product(range(RECIPE[self.budget.name], 0, -1), sources):
            key = timing_key(
                self.baseline,
                self.variant,
                sources=pair,
                fingerprint=self.fingerprint,
                budget=self.budget,
                environment=self.environment,
                machine=machine,
                recipe=recipe,
            )
            if key == self.key:
                return dataclasses.replace(self, recipe=recipe, sources=pair)
        return self

    @property
    def device_is_certain(self) -> bool:
        """Whether the process that timed had asked for its GPU: where none had, its capability is not recorded."""
        return self.environment.device == "cpu" or COMPUTE_CAPABILITY in dict(self.environment.versions)

    def to_json(self) -> str:
        """Return everything as JSON; a number that is not known is null."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields |= {"variant": self.variant.to_json(), "baseline": self.baseline.to_json()}
        fields |= {
            "budget": self.budget.to_dict(),
            "environment": self.environment.to_dict(),
        }
        return to_json({name: None if value != value else value for name, value in fields.items()}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> StepTimes:
        """Read what `to_json` wrote; InputError says what of it is wrong."""
        content = parse_json(text)
        if not isinstance(content, dict):
            refuse("step times", content, "an object")
        content.pop("images_per_s", None)  # older records hold it; it follows from the step time
        times = read_as(cls, {"recipe": UNKNOWN} | content, "step times")
        arms = (times.baseline_ms, times.control_ms, times.variant_ms)
        if not times.variant_ms or {len(build) for arm in arms for build in arm} != {len(times.variant_ms[0])}:
            raise InputError("step times differ in their numbers of blocks, or have none")
        if {len(arm) for arm in arms} != {len(times.variant_ms)} or not times.variant_ms[0]:
            raise InputError("step times differ in their numbers of builds, or have no block")
        for value in (value for arm in arms for build in arm for value in build):
            if not _SHORTEST_MS <= value <= 1e3 * LONGEST_S:
                refuse("a step time", value, f"milliseconds from {_SHORTEST_MS:g} to {1e3 * LONGEST_S:g}")
        return times


def timing_key(
    baseline: Variant,
    variant: Variant,
    *,
    sources: tuple[str, str],
    fingerprint: str,
    budget: Budget,
    environment: Environment,
    machine: str,
    recipe: int = CURRENT,
) -> str:
    """Return 64 hexadecimal digits that identify a measurement.

    The pair and its sources, the data, the amount of timing, the software, and the machine: a stored measurement is
    taken up again only where all of them are the same.
    """
    content = {
        "pair": [baseline.to_json(), variant.to_json()],
        "sources": sources,
        "dataset": fingerprint,
        "recipe": recipe or RECIPE[budget.name],
        "timing": budget.name,
        "device": environment.device,
        "backend": environment.backend,
        "threads": environment.threads,
        "versions": environment.versions,
        "machine": machine,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def merge_step_times(parts: Sequence[StepTimes]) -> StepTimes:
    """Return measurements of one pair in several processes as one: all builds, and the median of each other figure.

    Each build keeps as many blocks as the shortest measurement has.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    count = min(len(part.variant_ms[0]) for part in parts)

    def builds(arm: str) -> Blocks:
        return tuple(build[:count] for part in parts for build in getattr(part, arm))

    changes: dict[str, Any] = {arm: builds(arm) for arm in ("baseline_ms", "control_ms", "variant_ms")}
    for name in (
        *("block_overhead_ms", "predict_one_ms", "predict_batch_ms"),
        *("build_s", "first_step_s", "flops", "gemm_share"),
    ):
        changes[name] = median(getattr(part, name) for part in parts)
    changes["steps_per_block"] = round(median(part.steps_per_block for part in parts))
    changes["flags"] = tuple(dict.fromkeys(flag for part in parts for flag in part.flags))
    return dataclasses.replace(first, **changes)


def typical_ms(blocks: Blocks) -> float:
    """Return the median of all blocks, milliseconds a step."""
    return median(value for build in blocks for value in build)
