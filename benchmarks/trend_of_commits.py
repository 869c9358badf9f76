"""`harness trend` over ten commits of a small model, one of which changes it: is that change found, and no other?

    python benchmarks/trend_of_commits.py [--time] [FOLDER]     # some 3 minutes on two quiet cores, 8 with step times

A repository is made in FOLDER (default: a temporary one), a commit at a time: nine are what a history is made of
(names, comments, the same layers written otherwise, other random first weights), one leaves the model an eighth of its
width.
Every commit is swept into a results folder of its own, `harness trend` reads all ten, and each verdict is printed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.cli import run

SUITE = """
from harness import Suite, Variant

NET = Variant(model="own_net:build")
SUITE = Suite("own", {"dropped": NET.replace(dropout=0.2)}, baseline=NET)
"""
NET = """
import keras


def build(variant, input_shape, classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(16, 3, activation="relu")(inputs)
    x = keras.layers.MaxPooling2D(3)(x)
    x = keras.layers.Dropout(variant.dropout)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def start(number):
    return keras.initializers.GlorotUniform(seed=1000 * number + int(keras.random.randint((), 0, 1000)))
"""
# What each commit does: its message, what it replaces, and by what. Only TRUE changes what the model can do.
TRUE = 6
COMMITS = [
    ("A small network", "", ""),
    ("Explain it", "def build", "# A convolution, pooling, and a dense layer.\ndef build"),
    ("Draw the kernels from a seed of their own", '"relu")(inputs)', '"relu", kernel_initializer=start(1))(inputs)'),
    ("Name the layers", "MaxPooling2D(3)", 'MaxPooling2D(3, name="pool")'),
    ("Draw them otherwise", "start(1)", "start(2)"),
    ("Write the activation as a layer", ', activation="relu", ', ", "),
    ("Save seven eighths of the width", "Conv2D(16,", "Conv2D(2,"),
    ("Draw them otherwise again", "start(2)", "start(3)"),
    ("Call them hidden", "(x)\n    x = keras.layers.Dropout", "(x)  # hidden\n    x = keras.layers.Dropout"),
    ("And once more", "start(3)", "start(4)"),
]


def main() -> int:
    timed = ["--time"] if "--time" in sys.argv else []
    given = [one for one in sys.argv[1:] if one != "--time"]
    folder = Path(given[0] if given else tempfile.mkdtemp(prefix="trend-")).absolute()
    (folder / "suites").mkdir(parents=True)
    (folder / "suites" / "suite_own.py").write_text(SUITE)
    (folder / ".gitignore").write_text("/nights/\n__pycache__/\n")
    text = NET
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    _git(folder, "init", "-q")
    for number, (message, old, new) in enumerate(COMMITS):
        if old not in text:
            raise SystemExit(f"commit {number}: there is no {old!r}")
        text = text.replace(old, new, 1)
        if message.startswith("Write the activation"):
            text = text.replace("(inputs)\n", "(inputs)\n    x = keras.layers.ReLU()(x)\n", 1)
        (folder / "own_net.py").write_text(text)
        _git(folder, "add", "-A")
        _git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", message)
        _harness("sweep", "--seeds", "8", "--workers", "1", "--results", f"nights/{number:02}", *timed)
        print(f"{number:02} {message}: swept", flush=True)
    nights = [f"nights/{number:02}" for number in range(len(COMMITS))]
    print(_harness("trend", *nights))
    rows = list(csv.DictReader(io.StringIO(_harness("trend", "--format", "csv", *nights))))
    wrong = 0
    for row in rows:
        night = int(row["folder"][-2:])
        for what in ("accuracy", "step_time"):
            verdict = row[f"{what}_verdict"]
            changed = verdict in ("better", "worse")
            if changed:
                print(f"{row['variant']}, commit {night} ({COMMITS[night][0]}): {what} {verdict}")
            wrong += changed and night != TRUE
    found = {row["variant"] for row in rows if int(row["folder"][-2:]) == TRUE and row["accuracy_verdict"] == "worse"}
    print(f"the change of commit {TRUE} is found in the accuracy of {len(found)} of 2 variants")
    steps = "accuracy and as many of step time" if timed else "accuracy"
    print(f"{wrong} false changes in {len(rows) - 4} other comparisons of {steps}")
    return 0 if len(found) == 2 and not wrong else 1


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def _harness(*words: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = run(words)
    if code:
        raise SystemExit(printed.getvalue())
    return printed.getvalue()


if __name__ == "__main__":
    sys.exit(main())
