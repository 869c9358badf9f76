"""About how long the parts of a run take: on a machine of 2024, times what earlier runs took on this one beside that.

A run starts (its workers import TensorFlow), trains, times steps, and ends (tables, charts, the report). What the store
has of a variant on this machine counts before any reckoning; what of it is only known of others goes by their work.
What another machine, device or backend trained says how variants compare, and nothing of the time they take here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from harness.budgets import Budget
from harness.datasets.facts import DatasetFacts
from harness.machine import usable_cores
from harness.results.records import Record
from harness.results.trials import DeviceKind, Trial
from harness.running.image_times import image_times, images_of
from harness.running.machine_speed import AVERAGE, UNKNOWN, MachineSpeed, Part, guessed_ratio
from harness.running.pace import last_end
from harness.timing.settings import OWN_SHARE, timing_settings
from harness.variants import Variant
from harness.variants.cost import epoch_work, features_work

# All fitted on the jobs of benchmarks/estimates.py, on 2 cores of an AMD EPYC of 2024, beside other workers: a guess
# for any other machine, until its own runs have told.
START_S = 2.5
# Of an epoch of the baseline at 32x32, its validation included; each trial, whatever its model; building and tracing a
# model; the first trial of a process.
_IMAGE_S: dict[DeviceKind, float] = {"cpu": 0.165e-3, "gpu": 0.022e-3}
_TRIAL_S, _BUILD_S, _FIRST_S = 0.08, 0.45, 0.5
_TUNED_BUILD_S = 14.0  # of a whole backbone that is trained
# keras-tuner and what draws charts are imported beside the first trials: seconds of a core, which theirs lack.
_IMPORTS_S = 2.0
_TIMED_BUILD_S = 0.65  # with its first steps, before it settles
# Tables, charts and the report, and for each row of them; and until the process is gone.
_FINISH_S, _FINISH_ROW_S, _EXIT_S = 0.5, 0.27, 0.3


@dataclass(frozen=True, eq=False)
class Estimator:
    """Says about how long parts of a run take, in seconds.

    Attributes:
        facts: What is trained on.
        workers: Trials at once.
        records: What is known of trials on this machine, with the device and backend of those to come.
        speed: What is known of this machine.
        elsewhere: What is known of trials on each other machine, device or backend; the most alike first.
    """

    facts: DatasetFacts
    workers: int
    records: Sequence[Record] = ()
    speed: MachineSpeed = UNKNOWN
    elsewhere: Sequence[Sequence[Record]] = ()

    def unknown(self, trials: Sequence[Trial]) -> str:
        """Return what is not known, so that how long some trials take can only be guessed; empty where enough is."""
        if not self._known and self.speed.of("training", self.training_kind) is None:
            if not (trials and self.elsewhere):
                return "nothing was trained on this machine yet"
            wanted = trials[0].environment
            return f"nothing was trained on this machine's {wanted.device.upper()} with {wanted.backend} yet"
        own = [trial.variant.model for trial in trials if trial.variant.model and trial.variant not in self._known]
        if not own:
            return ""
        some = "a variant of " * any(variant.model == min(own) for variant in self._known)
        return f'this folder has no time of {some}"{min(own)}" on this dataset and machine'

    @property
    def training_kind(self) -> str:
        """Of which kind the training is, as the speed of a machine goes: workers take from each other."""
        return f"{self.workers} at once"

    def on_average(self) -> Estimator:
        """Return what says how long things take where nothing is known and the machine is of 2024."""
        return replace(self, records=(), elsewhere=(), speed=AVERAGE)

    def start_s(self) -> float:
        """From the plan until the first trial begins."""
        return START_S * self._ratio("start")

    def trials_s(self, trials: Sequence[Trial]) -> list[float]:
        """Each of some trials, in the order in which they run: the first ones of a worker and of a variant take longer.

        As long as others of its variant took on this dataset; where there are none, as what is known of others, or else
        the baseline's usual time, by how the variant compares with them elsewhere, or by its work.
        """
        ratio, shape, classes = (
            self._ratio("training", self.training_kind),
            self.facts.input_shape,
            len(self.facts.classes),
        )
        works = {variant: epoch_work(variant, shape, classes) for variant in {trial.variant for trial in trials}}
        usual = _IMAGE_S[trials[0].environment.device if trials else "cpu"] * ratio
        if self._known:
            usual = self._unit_s(self._known)
        known = self._compared(usual) | self._known
        found, builds, backbones = [], Counter[Variant](), set()
        for number, trial in enumerate(trials):
            variant, images = trial.variant, images_of(trial.budget, self.facts)
            if variant in known:  # what it took has its features in it, or found them kept
                seconds = known[variant] * images
            else:
                seconds = usual * works[variant] * images + _TRIAL_S * ratio
                if variant.backbone not in backbones:
                    seconds += usual * features_work(variant, shape) * images / trial.budget.epochs
                    if variant.reuses_features:
                        backbones.add(variant.backbone)
            builds[variant] += 1
            if variant.model or builds[variant] <= self.workers:
                seconds += ratio * (_TUNED_BUILD_S if variant.fine_tune else _BUILD_S)
            if number < self.workers:
                seconds += ratio * (_FIRST_S + _IMPORTS_S / usable_cores() * (self.workers >= usable_cores()))
            found.append(seconds)
        return found

    def training_s(self, trials: Sequence[Trial]) -> float:
        """All of some trials, from the plan to the last one's end."""
        if not trials:
            return 0.0
        return self.start_s() + last_end([0.0] * min(self.workers, len(trials)), self.trials_s(trials))

    def timings_s(self, pairs: Sequence[tuple[Variant, Variant]], budget: Budget, device: DeviceKind) -> list[float]:
        """Each of some pairs of baseline and variant, in the order in which they are timed.

        The first process starts beside the last trials; each builds the baselines that it meets, once for all variants.
        A budget buys seconds, whatever a machine does in them: one that is not known is not tried first.
        """
        settings = timing_settings(budget.name, device)
        ratio = self._ratio("timing", budget.name, guess=1.0)
        found, met = [], set[Variant]()
        for number, (baseline, variant) in enumerate(pairs):
            seconds, arm_s = 0.0, settings.settle_s + _TIMED_BUILD_S
            if settings.variants_a_process and number % settings.variants_a_process == 0:
                met.clear()
                seconds += START_S * (number > 0 or settings.processes > 1)
            if baseline not in met:
                met.add(baseline)
                seconds += 2 * settings.builds * arm_s
            seconds += settings.limit_s * (OWN_SHARE if variant == baseline else 1)
            found.append(ratio * settings.processes * seconds)
        return found

    def end_s(self, rows: int) -> float:
        """From the last trial or step time to the end, with so many rows of tables and charts to write, if any."""
        return self.finish_s(rows) + _EXIT_S * self._ratio("end")

    def finish_s(self, rows: int) -> float:
        """Write tables, charts and the report; nothing is written of no rows."""
        return (_FINISH_S + _FINISH_ROW_S * rows) * self._ratio("end") if rows else 0.0

    @cached_property
    def _known(self) -> dict[Variant, float]:
        """Seconds per image and epoch, of the variants that were trained here on this dataset."""
        return image_times(self.records, self.facts)

    def _compared(self, usual: float) -> dict[Variant, float]:
        """The same of variants that were trained elsewhere, by how they compare with the others there.

        What both machines trained says how much faster one is; where there is no such variant, their work does.
        """
        found: dict[Variant, float] = {}
        for records in reversed(self.elsewhere):
            there = image_times(records, self.facts)
            both = self._known.keys() & there.keys()
            if there:
                scale = fmean(self._known[one] / there[one] for one in both) if both else usual / self._unit_s(there)
                found |= {variant: scale * image_s for variant, image_s in there.items()}
        return found

    def _unit_s(self, times: Mapping[Variant, float]) -> float:
        """Seconds per image, epoch and work; models of one's own, whose work is not known, count where all are such."""
        shape, classes = self.facts.input_shape, len(self.facts.classes)
        reckoned = [variant for variant in times if not variant.model] or list(times)
        return fmean(times[variant] / epoch_work(variant, shape, classes) for variant in reckoned)

    def _ratio(self, part: Part, kind: str = "", *, guess: float | None = None) -> float:
        known = self.speed.of(part, kind)
        if known is None:
            known = guess
        return guessed_ratio() if known is None else known
