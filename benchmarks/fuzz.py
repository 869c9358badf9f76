"""Coverage-guided fuzzing of everything that reads what a person or a stranger wrote.

    pip install atheris
    python benchmarks/fuzz.py                 every target, a million inputs in all
    python benchmarks/fuzz.py gate --inputs 50000

Each target runs in a process of its own, so that a crash of one is told with the others. An input may be refused by
InputError or HarnessError, and by nothing else. What was found once is a test in tests/faults/test_fuzzed_input.py.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Inputs of each target, by how fast it is and how much a stranger can reach through it.
INPUTS = {
    "variant": 150_000,
    "record": 150_000,
    "step_times": 60_000,
    "plan": 100_000,
    "run": 60_000,
    "labels": 60_000,
    "predictions": 120_000,
    "gate": 150_000,
    "options": 80_000,
    "names": 80_000,
    "project": 40_000,
    "dataset": 40_000,
    "image": 40_000,
    "arrays": 10_000,
    "model": 20_000,
    "arguments": 10_000,
}
_SIDES = 16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*INPUTS, []], metavar="TARGET", help=", ".join(INPUTS))
    parser.add_argument("--inputs", type=int, help="of each target, instead of its own number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "harness-fuzz")
    options = parser.parse_args()
    if os.environ.get("HARNESS_FUZZ_TARGET"):
        _fuzz(os.environ["HARNESS_FUZZ_TARGET"], options)
    options.findings.mkdir(parents=True, exist_ok=True)
    done = found = 0
    for name in options.targets or INPUTS:
        count, failure = _in_own_process(name, options)
        done, found = done + count, found + bool(failure)
        print(f"{name:12} {count:>9,} inputs  {failure or 'none but refused or read'}", flush=True)
    print(f"{'in all':12} {done:>9,} inputs  {found} targets with a finding, in {options.findings}")
    return 1 if found else 0


def _in_own_process(name: str, options: argparse.Namespace) -> tuple[int, str]:
    environment = os.environ | {"HARNESS_FUZZ_TARGET": name}
    ended = subprocess.run([sys.executable, *sys.argv], env=environment, capture_output=True, text=True, check=False)
    text = ended.stdout + ended.stderr
    counts = re.findall(r"^#(\d+)\s|^Done (\d+) runs", text, re.MULTILINE)
    count = max((int(one or other) for one, other in counts), default=0)
    if not ended.returncode:
        return count, ""
    (options.findings / f"{name}.txt").write_text(text)
    raised = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Warning)\b.*", text, re.MULTILINE)
    return count, (raised or text.strip().splitlines() or ["it died"])[-1][:200]


def _fuzz(name: str, options: argparse.Namespace) -> None:
    """Be the process of one target; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["harness"]):
        from harness.errors import HarnessError

        target, seeds, words = _TARGETS[name]()

    def one_input(data: bytes) -> None:
        with contextlib.suppress(HarnessError):
            target(data)

    corpus = options.findings / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    dictionary = options.findings / f"{name}.dict"
    lines = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words)
    dictionary.write_text("".join(f'"{line}"\n' for line in lines if line))
    arguments = [
        f"-runs={options.inputs or INPUTS[name]}",
        f"-seed={options.seed}",
        f"-dict={dictionary}",
        "-timeout=120",
    ]
    arguments += ["-max_len=4096", "-rss_limit_mb=3000", f"-artifact_prefix={options.findings}/{name}-", str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], one_input)
    atheris.Fuzz()


Target = tuple[Callable[[bytes], Any], list[bytes], list[str]]
_WORDS = ["null", "true", "NaN", "Infinity", "1e999", "-0.0", "\\ud800", "[[[[", "{}", '":', "9" * 25]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass" if data[:1] < b"\x80" else "replace") if _decodes(data) else ""


def _decodes(data: bytes) -> bool:
    with contextlib.suppress(UnicodeDecodeError):
        data.decode("utf-8", "surrogatepass")
        return True
    return data[:1] >= b"\x80"


def _variant() -> Target:
    from harness.variants import BASELINE, RULES, Variant, check_variant

    def target(data: bytes) -> None:
        variant = Variant.from_json(_text(data))
        assert Variant.from_json(variant.to_json()) == variant
        assert re.fullmatch(r"[A-Za-z0-9_.\-+:]{1,120}", variant.name)
        if not (variant.model or variant.weights):
            check_variant(variant, (32, 32, 3), 10)

    own = Variant(model="own.nets:build", options={"width": [1, "two", None, 0.5]})
    seeds = [BASELINE, own, Variant(backbone="VGG16", weights="imagenet"), BASELINE.replace(augmentation="flip+shift")]
    return target, [one.to_json().encode() for one in seeds], [*_WORDS, *RULES, "flip", "adam", "relu", "mixed"]


def _examples() -> tuple[Any, Any, Any]:
    """Return a record, a plan and step times as a store holds them."""
    from harness.budgets import BUDGETS
    from harness.results.conditions import Conditions
    from harness.results.planned import PlannedSuite
    from harness.results.records import EpochMetrics, Record
    from harness.results.step_times import StepTimes
    from harness.results.trials import Environment, Trial
    from harness.suites import Suite
    from harness.variants import BASELINE

    environment, budget = Environment("cpu", "tensorflow", 1, (("keras", "3"),)), BUDGETS["quick"]
    trial = Trial(BASELINE, "", "digits", "f" * 16, 1, budget, environment)
    record = Record(trial, "ok", history=(EpochMetrics(*[0.5] * 9),), accuracy=0.5, total_s=1.0)
    other = BASELINE.replace(dropout=0.5)
    plan = PlannedSuite(Suite("a", (other,)), Conditions.of(trial), (5,), {BASELINE: "", other: "b"})
    arm = ((1.0, 2.0), (1.5, 2.5))
    return record, plan, StepTimes("k", other, BASELINE, "digits", "f", budget, environment, 3, arm, arm, arm)


def _record() -> Target:
    from harness.results.records import Record

    def target(data: bytes) -> None:
        record = Record.from_json(_text(data), None)
        assert len(record.trial.key) == 64
        json.loads(record.to_json())

    text = _examples()[0].to_json()
    return target, [text.encode()], [*_WORDS, *re.findall(r"\w+", text)]


def _step_times() -> Target:
    from harness.results.step_times import StepTimes
    from harness.statistics.times import controlled_ratio

    def target(data: bytes) -> None:
        times = StepTimes.from_json(_text(data))
        times.identified("box", {("", "")})
        times.to_json()
        controlled_ratio(times.baseline_ms, times.control_ms, times.variant_ms)

    text = _examples()[2].to_json()
    return target, [text.encode()], [*_WORDS, *re.findall(r"\w+", text)]


def _plan() -> Target:
    from harness.results.planned import PlannedSuite

    def target(data: bytes) -> None:
        plan = PlannedSuite.from_json("a", _text(data))
        assert PlannedSuite.from_json("a", plan.to_json()).to_json() == plan.to_json()
        assert plan.conditions.label

    text = _examples()[1].to_json()
    return target, [text.encode()], [*_WORDS, *re.findall(r"\w+", text)]


def _run() -> Target:
    import dataclasses

    from harness.exports.runs import started_s
    from harness.results.provenance import Gpu, Provenance

    def target(data: bytes) -> None:
        run = Provenance.from_json(_text(data))
        assert isinstance(run.machine, str)
        started_s(run)

    run = Provenance("harness sweep", "2026-01-02T03:04:05+00:00", "box", "cpu", ("avx2",), 2, 4096, "Linux", "3.12")
    with_gpu = dataclasses.replace(run, gpus=(Gpu("H100", "GPU-1", "9.0"),), variables=(("A", "b"),))
    texts = [json.dumps(dataclasses.asdict(one)) for one in (run, with_gpu)]
    return target, [text.encode() for text in texts], [*_WORDS, *re.findall(r"\w+", texts[1])]


def _labels() -> Target:
    from harness.results.store import TestSet

    def target(data: bytes) -> None:
        classes, _, labels = data.partition(b"\n")
        found = TestSet.from_stored(_text(classes), labels)
        assert all(0 <= label < len(found.classes) for label in found.labels)

    return target, [b'["a","b"]\n' + bytes(8) + b"\1" + bytes(7)], [*_WORDS, '["']


def _predictions() -> Target:
    import numpy as np

    from harness.results.predictions import Predictions

    def target(data: bytes) -> None:
        found = Predictions.from_bytes(data[1:], images=[None, 3, 4][data[0] % 3] if data else None, classes=4)
        lengths = {len(one) for one in (found.predicted, found.positives, found.true_positive)}
        assert len(lengths) == 1
        assert int(found.true_positive.sum()) <= len(found.predicted)

    made = Predictions(np.array([0, 1, 2], np.uint16), np.ones(3, np.uint8), np.array([True, False, True]))
    old = io.BytesIO()
    arrays = {"predicted": made.predicted, "positives": made.positives, "true_positive": made.true_positive}
    np.savez_compressed(old, allow_pickle=False, **arrays)
    return (
        target,
        [b"\1" + made.to_bytes(), b"\1" + old.getvalue()],
        ["predictions 2\n", "PK", "\x93NUMPY", "<u2", "|O"],
    )


def _gate() -> Target:
    from harness.comparison.columns import FOLDER_TABLE, SUITE_TABLE
    from harness.comparison.gate import parse_gate

    row = {name: "worse" if column.is_text else 0.5 for name, column in (SUITE_TABLE | FOLDER_TABLE).items()}

    def target(data: bytes) -> None:
        gate = parse_gate(_text(data[1:]), FOLDER_TABLE if data[:1] == b"f" else SUITE_TABLE)
        assert gate.fails(row) in (True, False)

    seeds = ["accuracy_verdict == 'worse'", "accuracy_delta < -0.01 and seeds >= 5", "not (0.1 < accuracy <= .9)"]
    words = [
        *SUITE_TABLE,
        *FOLDER_TABLE,
        *[
            "==",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "and",
            "or",
            "not",
            "(",
            ")",
            "'",
            '"',
            "1e9",
            "0x1",
            "lambda",
            "[x",
            "for",
        ],
    ]
    return target, [f"s{text}".encode() for text in seeds], [*words, *_WORDS]


def _options() -> Target:
    from harness.options import PYTEST

    def target(data: bytes) -> None:
        option = PYTEST[data[0] % len(PYTEST)] if data else PYTEST[0]
        text = _text(data[1:])
        value = option.value([text] if option.repeatable else text)
        assert value == value  # no nan

    seeds = [bytes([number]) + text for number in range(len(PYTEST)) for text in (b"1", b"quick", b"0.5")]
    return target, seeds, [*_WORDS, "full", "tutorial", "cpu", "inf", "nan", "1_0", "٣", "0x1", "1e5"]


def _names() -> Target:
    import csv

    from harness.charts.text import clean, label, unique_labels
    from harness.errors import InputError
    from harness.exports.mlflow import _key
    from harness.exports.tensorboard import _folder_name
    from harness.suites import Suite, check_suites
    from harness.tables import escape
    from harness.tables.files import safe_file_name
    from harness.variants import BASELINE
    from harness.wording import harmless

    def target(data: bytes) -> None:
        text = _text(data)
        with contextlib.suppress(InputError):
            check_suites([Suite(text, [BASELINE.replace(dropout=0.5)])])
        for name in (safe_file_name(text), _folder_name(text)):
            assert 0 < len(name) < 200
            assert name not in (".", "..")
            assert not set(name) & set('/\\\0\n:*?"<>|')
        for shown in (escape.one_line(text), escape.markdown(text), escape.latex(text)):
            assert shown.isprintable()
        for drawn in (clean(text), label(text)):
            assert not {unicodedata.category(letter) for letter in drawn} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert harmless(text).replace("\n", "").isprintable()
        assert len(set(unique_labels((text, text + " ")))) == 2
        assert re.fullmatch(r"[\w\-. :/]*", _key(f"options.{text}"), re.ASCII)
        cell = escape.spreadsheet(text)
        assert cell[:1] not in tuple("=+-@")
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow([cell, "x"])
        assert list(csv.reader(io.StringIO(buffer.getvalue(), newline=""))) == [[cell, "x"]]

    words = ["../", "\x00", "\x1b[", "\u202e", "<script>", "=1+1", "\\input{", "__proto__", "con", "\ud800", "é"]
    return target, [word.encode("utf-8", "surrogatepass") for word in words], words[:-2]


def _project() -> Target:
    from harness.options import PYTEST
    from harness.project import load_project

    folder = Path(tempfile.mkdtemp())

    def target(data: bytes) -> None:
        (folder / "pyproject.toml").write_bytes(data)
        load_project(folder)

    seeds = [b'[tool.harness]\nbudget = "full"\nseeds = 3\nfail-if = ["seeds < 3"]\nsuites = "a"\n']
    return target, seeds, [*(one.name for one in PYTEST), "tool.harness", "[[", "'''", "1979-05-27", "inf", "nan"]


def _dataset() -> Target:
    from harness.datasets.load import _existing_path

    def target(data: bytes) -> None:
        _existing_path(_text(data))

    return target, [b"digits", b"cifar11", b"own.data:load", b"~nobody/x", b"/dev/zero"], ["../", "~", "\x00", ":", "."]


def _image() -> Target:
    from PIL import Image

    from harness.datasets.images import decode, quiet_pillow

    path = Path(tempfile.mkdtemp()) / "image"
    seeds = []
    kinds = (("png", "RGB"), ("png", "I;16"), ("jpeg", "L"), ("gif", "P"), ("bmp", "RGB"), ("tiff", "CMYK"))
    for kind, mode in (*kinds, ("ppm", "RGB"), ("tga", "RGBA"), ("pcx", "L"), ("ico", "RGBA"), ("webp", "RGB")):
        buffer = io.BytesIO()
        Image.new(mode, (_SIDES, _SIDES)).save(buffer, kind)
        seeds.append(buffer.getvalue())

    def target(data: bytes) -> None:
        path.write_bytes(data)
        with quiet_pillow():
            pixels = decode(str(path), resize=_SIDES).pixels
        assert pixels.shape == (_SIDES, _SIDES, 3)

    return (
        target,
        seeds,
        ["\x89PNG\r\n\x1a\n", "IHDR", "IDAT", "eXIf", "acTL", "GIF89a", "BM", "II*\x00", "RIFF", "WEBP"],
    )


def _arrays() -> Target:
    import numpy as np

    from harness.datasets.arrays import _read_npz

    path = Path(tempfile.mkdtemp()) / "arrays.npz"
    images, labels = np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 0, 1])
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)

    def target(data: bytes) -> None:
        path.write_bytes(data)
        _read_npz(path)

    return target, [path.read_bytes()], ["PK\x03\x04", "\x93NUMPY", "'descr'", "'shape'", "|O", "<U9", "x_train.npy"]


def _model() -> Target:
    import ast
    import zipfile

    from harness.results.model_lines import loading_lines

    path, (record, _, _) = Path(tempfile.mkdtemp()) / "a.keras", _examples()

    def target(data: bytes) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", data)
        imported, *_ = ast.parse("\n".join(loading_lines(path, record.trial, ("a", "b")))).body
        assert ast.unparse(imported) in ("import keras", "import keras, harness.models.layers")

    layer = {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [None, 8, 8, 1]}}
    own = {"module": "harness.models.layers", "class_name": "Sum", "registered_name": "harness>Sum"}
    seeds = [
        json.dumps([layer, one]).encode() for one in (own, own | {"module": "builtins"}, {"registered_name": None})
    ]
    return target, seeds, [*_WORDS, *layer, *own, "batch_shape", "InputLayer", "builtins", "os"]


def _arguments() -> Target:
    from harness.cli import run
    from harness.comparison.columns import SUITE_TABLE

    folder = tempfile.mkdtemp()
    os.chdir(folder)

    def target(data: bytes) -> None:
        words = _text(data).replace("\0", "").split("\n")  # no command line can hold a NUL
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
            code = run([("tables", "export", "compare", "report")[len(words) % 4], *words])
        assert code in (0, 4), errors.getvalue()
        assert "Traceback" not in errors.getvalue()

    seeds = [
        b"--format\ncsv\n--output\n-",
        b"--columns\nsuite,accuracy\n--sort\n-seeds",
        b"--variants\na\nb",
        b"old\nnew",
    ]
    flags = ["--format", "--output", "--suite", "--columns", "--sort", "--alpha", "--margin-time", "--fail-if", "help"]
    return target, seeds, [*flags, "\n", *SUITE_TABLE, *_WORDS]


_TARGETS: dict[str, Callable[[], Target]] = {name: globals()[f"_{name}"] for name in INPUTS}

if __name__ == "__main__":
    sys.exit(main())
