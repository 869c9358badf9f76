"""What `harness COMMAND --help` ends with: a few command lines that people use."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "init": ("harness init", "harness init --example small_resnet"),
    "list": ("harness list", "harness list suites/suite_dropout.py"),
    "plan": ("harness plan --dataset photos --budget full", "harness plan suites/suite_l2.py --seeds auto"),
    "sweep": (
        "harness sweep --time",
        "harness sweep suites/suite_dropout.py --budget smoke",
        "harness sweep --dataset photos --image-size 64 --seeds auto --max-seeds 50",
    ),
    "worker": ("harness worker --share 1/4", "harness worker suites/suite_l2.py --share 4/4 --seeds 10"),
    "merge": ("harness merge", "harness merge laptop/results desktop/results --results both"),
    "search": ("harness search --tries 20 --time", "harness search suites/suite_search.py --oracle hyperband"),
    "tables": (
        "harness tables --suite dropout",
        "harness tables --columns accuracy,step_time_ms,train_time_s --sort -accuracy",
        "harness tables --format github --budget full",
    ),
    "report": ("harness report --dataset photos", "harness report --results results --output for-a-colleague"),
    "trend": ("harness trend nights/2026-01-* --page trend.html",),
    "export": (
        "harness export --format csv --output comparison.csv",
        "harness export --format markdown --suite l2 --output -",
        "harness export --format mlflow --output mlflow.db",
    ),
    "explore": (
        "harness explore --dataset photos",
        "harness explore model --variant dropout:0.5",
        "harness explore results --suite filters",
    ),
    "pretrain": (
        "harness pretrain --dataset photos --backbone MobileNetV2 --output mobilenet.weights.h5",
        "harness pretrain --dataset photos --classes cat,dog --output pets.weights.h5 --others others",
    ),
    "store": ("harness store check", "harness store salvage --results results --into salvaged"),
    "doctor": ("harness doctor",),
}


def epilog(command: str) -> str:
    """Return a command's examples as click's help shows them: as they are; nothing where there are none."""
    lines = EXAMPLES.get(command, ())
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines))) if lines else ""
