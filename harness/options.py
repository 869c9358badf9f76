"""The options that pytest and `harness` share: each declared once, checked by one rule, explained in one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.budgets import (
    AUTO,
    BUDGETS,
    LEAST_MAX_SEEDS,
    MAX_EPOCHS,
    MAX_SEEDS,
    PROTOCOLS,
    USUAL_MAX_SEEDS,
    WEIGHTS,
    Budget,
    choose_budget,
)
from harness.errors import InputError
from harness.margins import Margins
from harness.option_kinds import Folder, Kind, NumberOption, OrWord, TextOption, Words, WordsOrFunction

DEVICES = ("auto", "cpu", "gpu")
_SIZED = ("digits", "cifar10")  # datasets by name

FILE_PATTERN = "suite_*.py"
"""What suite files are called."""


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: Without dashes in front.
        help: One sentence without a stop, in lower case where it is no name.
        kind: What it takes; None for a switch.
        default: Its value where it is not given.
        default_text: How the help calls the default, where that is not its value.
        repeatable: Whether it may be given several times.
        of_one_run: Whether it is about one run, so that no project says it for all.
    """

    name: str
    help: str
    kind: Kind | None = None
    default: Any = None
    default_text: str = ""
    repeatable: bool = False
    of_one_run: bool = False

    @property
    def variable(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    @property
    def flags(self) -> tuple[str, ...]:
        """What a command line gives; of a switch that a project can switch on also what switches it off."""
        return (self.name, f"no-{self.name}") if self.kind is None and not self.of_one_run else (self.name,)

    @property
    def explained(self) -> str:
        """The help with its default."""
        default = self.default_text or ("" if self.default is None else str(self.default).removesuffix(".0"))
        return f"{self.help}{'; repeatable' * self.repeatable}.{f' [default: {default}]' if default else ''}"

    def value(self, given: str | Sequence[str] | bool | None, project: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Return its value for what was given on a command line, None for nothing; raises InputError.

        What was not given is what the project says, else the default.
        """
        if given is None and self.variable in project:
            return project[self.variable]
        if self.kind is None:
            return bool(given)
        if self.repeatable:
            return self.parse_all(f"--{self.name}", given or ())  # type: ignore[arg-type]
        return self.default if given is None else self.kind.parse(f"--{self.name}", str(given))

    def parse_all(self, name: str, texts: Iterable[str]) -> tuple[Any, ...]:
        """Return the values of a repeatable option, without those that are none."""
        values = [self.kind.parse(name, text) for text in texts] if self.kind else []
        return tuple(value for value in values if value is not None)


_MARGINS = Margins()

DATASET = Option("dataset", "Data: digits, cifar10, a folder with train/ and test/, an .npz file, or module:function",
                 TextOption("NAME|DIR"), "digits")  # fmt: skip
IMAGE_SIZE = Option("image-size", "Resize a folder's images to that many pixels a side",
                    OrWord(NumberOption("PIXELS", 1), "own"), default_text="own")  # fmt: skip
SKIP_UNREADABLE = Option("skip-unreadable", "Leave out a folder's images that cannot be read, with a warning")
IMAGES = (IMAGE_SIZE, SKIP_UNREADABLE)
"""What every command that reads images takes."""

DEVICE = Option("device", "What trains", Words(DEVICES), "auto")
RESULTS = Option("results", "Folder of the store, tables and report", Folder(), Path("results"))

MARGINS = (
    Option("alpha", "Chance of one false claim of a metric in a suite without true differences",
           NumberOption("CHANCE", 0, 1, whole=False, between=True), _MARGINS.alpha),
    Option("margin-accuracy", "Accuracies closer than this fraction of 1 count as the same; with 0 only equal ones do",
           NumberOption("FRACTION", 0, 0.99, whole=False), _MARGINS.accuracy),
    Option("margin-time", "Step times closer than this share of the baseline's count as the same",
           NumberOption("SHARE", 0, 0.99, whole=False), _MARGINS.time),
)  # fmt: skip

JOB = (
    DATASET,
    Option("budget", "How much: smoke (1 epoch, 1 seed, 512 images), quick (5 epochs, 5 seeds) or full (30, auto)",
           Words(tuple(BUDGETS)), default_text="quick; full with --protocol tutorial"),
    Option("seeds", "Trials per variant; auto: 5, 8, 12, 18, 30, each variant until its accuracy is settled",
           OrWord(NumberOption("N", 1, MAX_SEEDS), AUTO, AUTO), default_text="the budget's"),
    Option("max-seeds", "Where --seeds auto ends", NumberOption("N", LEAST_MAX_SEEDS, MAX_SEEDS),
           default_text=str(USUAL_MAX_SEEDS)),
    Option("epochs", "Epochs of a trial", NumberOption("N", 1, MAX_EPOCHS), default_text="the budget's"),
    DEVICE,
    RESULTS,
    Option("slow", "Also the suites marked slow"),
    Option(
        "workers",
        "Trials at once; more than one per GPU share it",
        OrWord(NumberOption("N", 1), "auto"),
        default_text="auto: as cores and memory allow, one per GPU",
    ),
    Option("trial-timeout", "Longest time of a trial", NumberOption("SECONDS", 1, whole=False), 3600.0),
    Option("trial-memory", "Most resident memory of a trial's processes; a worker needs some 800 MiB before any trial",
           OrWord(NumberOption("MIB", 512), "any"), default_text="any"),
    Option("executor", "Where trials run: this machine's processes, a Ray cluster, or what a function returns, a "
           "concurrent.futures.Executor", WordsOrFunction(("local", "ray")), "local"),
    Option("ray-address", "Head of the Ray cluster; this machine must be a node of it", TextOption("HOST:PORT")),
    Option("ray-cpus", "CPUs that Ray reserves for a worker", NumberOption("N", 1), 1),
    Option("ray-gpus", "GPUs that Ray reserves for a worker where a GPU trains; less than 1 shares one",
           NumberOption("N", 0.05, 1, whole=False), default_text="1"),
    Option("ray-insecure", "Join a Ray cluster that asks nobody for a token"),
    Option("live", "While trials run, write the report anew every so many seconds; the page may be opened at any time",
           OrWord(NumberOption("SECONDS", 1, whole=False), "end"), default_text="end: at the end alone"),
    Option("retrain", "Train anew, though the store has results; those are kept, and no longer shown", of_one_run=True),
    Option("save-models", "Keep each trial's model in RESULTS/models; trials stored without theirs are trained again"),
    Option("protocol", "validation: the best epoch on images held out of train; tutorial: the last, watched on test",
           Words(PROTOCOLS), "validation"),
    Option("weights", "What is tested: the best epoch's weights, the last's, or averaged over the last epoch's steps",
           Words(WEIGHTS), default_text="best; last with --protocol tutorial"),
    IMAGE_SIZE,
    SKIP_UNREADABLE,
    *MARGINS,
)  # fmt: skip
"""What pytest, `harness plan`, `sweep` and `search` take."""

PYTEST = (
    *JOB,
    Option("retime", "Measure step times anew, though the store has them", of_one_run=True),
    Option("fail-if", "Exit with 1 where a row of the tables meets this, as in \"accuracy_verdict == 'worse'\"",
           OrWord(TextOption("EXPR"), "none"), default_text="none", repeatable=True),
)  # fmt: skip


DECIDING = ("seeds", "executor", "dataset", "budget", "protocol")
"""What decides whether other options mean anything, by their names in Python."""


def defaults_beside(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a project's values as they count beside the `DECIDING` ones that a command line gives, None for none.

    `max-seeds` is meant for auto, so not for a number of seeds, given, its own or the budget's; `ray-*` for a Ray
    cluster; `image-size` and `skip-unreadable` for a folder of images; `weights` for any protocol but the tutorial's.
    """
    values = dict(values)
    found = {name: values.get(name) if given.get(name) is None else given[name] for name in DECIDING}
    tutorial = found["protocol"] == "tutorial"
    preset = BUDGETS.get(found["budget"] or ("full" if tutorial else "quick"))  # a wrong one is refused elsewhere
    fixed = preset is not None and not preset.auto if found["seeds"] is None else found["seeds"] != AUTO
    ray = [name for name in values if name.startswith("ray_")]
    for meaningless, names in (
        (fixed, ("max_seeds",)),
        (found["executor"] != "ray", ray),
        (not _is_folder(found["dataset"]), [one.variable for one in IMAGES]),
        (tutorial, ("weights",)),
    ):
        for name in names if meaningless else ():
            values.pop(name, None)
    return values


def _is_folder(dataset: str | None) -> bool:
    """Whether a dataset is a folder of images, as `load_dataset` takes it."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return dataset not in (None, *_SIZED) and Path(str(dataset)).expanduser().is_dir()
    return False


def chosen_budget(values: Mapping[str, Any]) -> Budget:
    """Return the budget that the values of `JOB` ask for."""
    names = ("epochs", "seeds", "max_seeds", "protocol", "weights")
    return choose_budget(**{name: values[name] for name in names}, name=values["budget"])


def chosen_margins(values: Mapping[str, Any]) -> Margins:
    """Return the margins that the values of `MARGINS` ask for."""
    return Margins(values["alpha"], values["margin_accuracy"], values["margin_time"])


def check_together(values: Mapping[str, Any]) -> None:
    """Refuse values of `JOB` that do not go together, before anything is loaded; `load_dataset` says the same."""
    chosen_budget(values)
    for one in JOB:
        given = values[one.variable]
        if one.name.startswith("ray-") and given not in (one.default, False) and values["executor"] != "ray":
            raise InputError(f"--{one.name} is {given}: it is for --executor ray, and that is {values['executor']}")
    size, dataset = values["image_size"], values["dataset"]
    if size is not None and dataset in _SIZED:
        raise InputError(f"--image-size is {size}: {dataset} has a size of its own; it is for a folder of images")
