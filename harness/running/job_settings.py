"""What a person asks of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.budgets import Budget
from harness.comparison import Margins
from harness.options import chosen_budget, chosen_margins
from harness.running.engines import EngineSettings
from harness.running.share import WHOLE, Share
from harness.training.devices import DeviceChoice


@dataclass(frozen=True)
class JobSettings:
    """What a person asks for.

    Attributes:
        dataset: Name or folder.
        budget: Epochs and seeds.
        device: auto, cpu or gpu.
        results: Folder for the store and tables.
        workers: Trials at once; None for as many as cores and memory allow.
        engine: Where trials run.
        trial_timeout_s: Longest time of a trial.
        trial_memory_mib: The most resident memory of a trial's processes; 0 for any.
        image_size: Resize a folder's images to that many pixels a side; None keeps their own size.
        skip_unreadable: Leave out a folder's unreadable images, with a warning, instead of refusing.
        retime: Measure step times anew, though the store has them.
        live_s: While trials run, write the report anew every so many seconds; None for not at all.
        retrain: Train anew, though the store has results.
        save_models: Keep each trial's model; train those anew that the results folder has no model of.
        margins: Alpha and margins of practical equality.
        share: Which trials of the plan to train here.
        beside: Another results folder, only read, whose results need not be made again; None for none.
    """

    dataset: str
    budget: Budget
    device: DeviceChoice = "auto"
    results: Path = Path("results")
    workers: int | None = None
    engine: EngineSettings = field(default_factory=EngineSettings)
    trial_timeout_s: float = 3600.0
    trial_memory_mib: int = 0
    image_size: int | None = None
    skip_unreadable: bool = False
    retime: bool = False
    retrain: bool = False
    live_s: float | None = None
    save_models: bool = False
    margins: Margins = field(default_factory=Margins)
    share: Share = WHOLE
    beside: Path | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> JobSettings:
        """Return what the values of `harness.options.JOB` ask for."""
        return cls(
            budget=chosen_budget(values),
            margins=chosen_margins(values),
            engine=EngineSettings.of(values),
            trial_timeout_s=values["trial_timeout"],
            trial_memory_mib=values["trial_memory"] or 0,
            retime=values.get("retime", False),
            retrain=values.get("retrain", False),
            live_s=values.get("live"),
            save_models=values.get("save_models", False),
            **{
                name: values[name]
                for name in ("dataset", "device", "results", "workers", "image_size", "skip_unreadable")
            },
        )
