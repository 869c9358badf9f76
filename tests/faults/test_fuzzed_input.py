"""What readers do with any input: they read it, or refuse it by name. `benchmarks/fuzz.py` asks a million more."""

import io
import json
import os
import struct
import zipfile
import zlib

import hypothesis.strategies as st
import numpy as np
import pytest
from changed_stores import with_value
from hypothesis import given, settings
from PIL import Image

from harness import BASELINE, BUDGETS, Suite, Variant
from harness.cli import run
from harness.datasets import load_dataset
from harness.datasets.images import decode, quiet_pillow
from harness.errors import HarnessError, InputError
from harness.exports.tensorboard import _folder_name
from harness.options import PYTEST, RESULTS
from harness.project import load_project
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite
from harness.results.provenance import Provenance
from harness.results.records import EpochMetrics, Record
from harness.results.step_times import StepTimes
from harness.results.store import TestSet as Labels
from harness.results.trials import Environment, Trial
from harness.suites import check_suites
from harness.tables import escape
from harness.tables.file_names import safe_file_name
from harness.variants import RULES
from harness.wording import harmless

few = settings(max_examples=60, derandomize=True, database=None)

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3"),))
TRIAL = Trial(BASELINE, "", "digits", "f" * 16, 1, BUDGETS["quick"], ENVIRONMENT)
ARM = ((1.0, 2.0), (1.5, 2.5))
OTHER = BASELINE.replace(dropout=0.5)
STORED = {
    "record": (Record(TRIAL, "ok", history=(EpochMetrics(*[0.5] * 9),)), lambda text: Record.from_json(text, None)),
    "plan": (
        PlannedSuite(Suite("a", (OTHER,)), Conditions.of(TRIAL), (5,), {BASELINE: "", OTHER: "b"}),
        lambda text: PlannedSuite.from_json("a", text),
    ),
    "step times": (
        StepTimes("k", OTHER, BASELINE, "digits", "f", BUDGETS["quick"], ENVIRONMENT, 3, ARM, ARM, ARM),
        StepTimes.from_json,
    ),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def refusal(read, *arguments):
    """The text of what was refused, empty where it was read."""
    try:
        read(*arguments)
    except HarnessError as error:
        return str(error) or "without a word"
    return ""


def places(content, path=()):
    """Every place in a JSON value, the deepest last."""
    yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


@pytest.mark.parametrize("kind", STORED)
@few
@given(data=st.data())
def test_any_value_at_any_place_of_what_is_stored_is_read_or_refused(kind, data):
    made, read = STORED[kind]
    content = json.loads(made.to_json())
    path = data.draw(st.sampled_from(list(places(content))))
    text = json.dumps(with_value(content, path, data.draw(JSON)))
    if not refusal(read, text):
        assert read(text).to_json()


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("value", ["NaN", "1e400", "[[], [], []]", '"half \\ud800"', "true", "9" * 30])
def test_a_wrong_value_is_refused_with_its_place(kind, value):
    made, read = STORED[kind]
    content = json.loads(made.to_json())
    texts = [json.dumps(with_value(content, path, "HERE")).replace('"HERE"', value) for path in places(content)]
    refused = [refusal(read, text) for text in texts]
    assert sum(map(bool, refused)) > 0.7 * len(refused)
    assert "without a word" not in refused
    assert max(map(len, refused)) < 700


@pytest.mark.parametrize("read", [one for _, one in STORED.values()] + [Provenance.from_json, Variant.from_json])
@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", "[]", '"a"', "1", "{}", '{"a": 1}', "9" * 5000])
def test_what_is_no_such_object_is_refused(read, text):
    assert refusal(read, text) or (text == "{}" and read == Variant.from_json)


@pytest.mark.parametrize(
    ("classes", "labels"),
    [("{}", b""), ('["a", 1]', b""), ('["a"]', b"12345"), ('["a"]', b"\1" + bytes(7)), ('["a"]', b"\xff" * 8)],
)
def test_labels_that_do_not_belong_to_their_classes_are_refused(classes, labels):
    with pytest.raises(InputError):
        Labels.from_stored(classes, labels)


@few
@given(st.dictionaries(st.sampled_from([*RULES, "other"]), JSON, max_size=3))
def test_any_fields_of_a_variant_are_a_variant_or_refused(fields):
    if not refusal(lambda: Variant(**fields)):
        variant = Variant(**fields)
        assert Variant.from_json(variant.to_json()) == variant


@few
@given(option=st.sampled_from(PYTEST), text=st.text(max_size=12) | st.from_regex(r"[-+]?\d+(\.\d*)?(e\d+)?"))
def test_any_text_of_an_option_is_a_value_or_refused_by_the_options_name(option, text):
    given_text = [text] if option.repeatable else text
    if said := refusal(option.value, given_text):
        assert option.name in said
    else:
        assert option.value(given_text) == option.value(given_text)


@pytest.mark.parametrize("text", ["a" * 5000, "a\0b", ""])
def test_a_text_that_can_be_no_folder_is_refused(text):
    with pytest.raises(InputError, match="--results"):
        RESULTS.value(text)


@few
@given(st.text(max_size=200))
def test_any_text_is_a_safe_name_and_obeyed_nowhere(text):
    try:
        check_suites([Suite(text, [OTHER])])
    except InputError:
        assert not text.strip()
    for name in (safe_file_name(text), _folder_name(text)):
        assert 0 < len(name) < 200
        assert not set(name) & set("/\\\0\n")
    for shown in (escape.one_line(text), escape.markdown(text), escape.latex(text), harmless(text).replace("\n", "")):
        assert shown.isprintable()


@pytest.mark.parametrize("text", ["", ":" * 300, "#" * 300])
def test_a_name_of_nothing_or_of_signs_alone_is_a_file_name(text):
    for name in (safe_file_name(text), _folder_name(text)):
        assert 0 < len(name) < 200


@pytest.mark.parametrize(
    "content",
    [b"[tool.harness]\na = " + b"[" * 5000, b'[tool.harness]\nresults = "a\\u0000b"', b"[tool.harness]\n\xff"],
)
def test_a_project_file_that_cannot_be_read_is_refused(tmp_path, content):
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(InputError):
        load_project(tmp_path)


def archive(**changes: bytes) -> bytes:
    images, labels = np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 0, 1])
    buffer = io.BytesIO()
    np.savez(buffer, x_train=images, y_train=labels, x_test=images, y_test=labels, **changes)
    return buffer.getvalue()


def flagged(bits: int) -> bytes:
    """The archive with flags in its directory: encrypted, or of a kind that zipfile does not know."""
    at = WHOLE.index(b"PK\x01\x02") + 8
    return WHOLE[:at] + bytes([bits]) + WHOLE[at + 1 :]


WHOLE = archive()
BAD_ARCHIVES = {
    "no archive": b"PK\x05\x06",
    "cut": WHOLE[:-40],
    "patched data": flagged(0x20),
    "encrypted": flagged(0x01),
    "a shape of a million million": WHOLE.replace(b"(4, 8, 8)", b"(9**11,) ", 1),
    "an object": WHOLE.replace(b"'|u1'", b"'|O' ", 1),
    "names that are no text": archive(classes=np.array([b"\xff", b"b"])),
}


@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_a_bad_archive_of_arrays_is_read_or_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.npz").write_bytes(BAD_ARCHIVES[kind])
    if kind == "names that are no text":
        assert load_dataset(tmp_path / "a.npz").classes == ("\N{REPLACEMENT CHARACTER}", "b")
        return
    with pytest.raises(InputError):
        load_dataset(tmp_path / "a.npz")


def test_an_archive_that_unpacks_to_more_than_the_memory_is_refused_before_that(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("x_train.npy", b"")
        made.filelist[0].file_size = 2**50
    with pytest.raises(InputError, match=r"unpacks to 1,073,741,824 MiB, and .* MiB of memory are free"):
        load_dataset(path)


@settings(max_examples=80, derandomize=True, database=None)
@given(
    kind=st.sampled_from(["png", "gif", "bmp", "jpeg", "tiff", "ppm", "tga", "pcx"]),
    at=st.integers(0, 120),
    change=st.binary(min_size=1, max_size=6),
)
def test_an_image_with_any_bytes_changed_is_read_or_refused(tmp_path_factory, kind, at, change):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind)
    content = bytearray(buffer.getvalue())
    content[at : at + len(change)] = change
    path = tmp_path_factory.getbasetemp() / "image"
    path.write_bytes(content)
    with quiet_pillow():
        said = refusal(lambda: decode(str(path), resize=8))
    assert not said or str(path) in said


def test_a_png_that_unpacks_to_gigabytes_of_text_is_refused_by_its_name(tmp_path):
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    bomb = zlib.compress(bytes(80 << 20), 9)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"zTXt", b"a\0\0" + bomb) + chunk(b"IDAT", zlib.compress(bytes(200)))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"cannot read image .*bomb\.png"):
        decode(str(path))


def test_what_nobody_foresaw_is_told_in_one_line_and_with_its_traceback_only_where_asked(monkeypatch, capsys, tmp_path):
    def broken(*arguments, **options):
        raise LookupError("a\x1bfault")

    monkeypatch.setattr("harness.results.load_results", broken)
    (tmp_path / "x").mkdir()
    assert run(["report", "--results", str(tmp_path / "x")]) == 1
    said = capsys.readouterr()
    assert said.err == (
        "error: LookupError: a\N{REPLACEMENT CHARACTER}fault: a fault of cnn-harness or of this machine; please report "
        "it with what HARNESS_TRACEBACK=1 in the environment shows\n"
    )
    monkeypatch.setenv("HARNESS_TRACEBACK", "1")
    with pytest.raises(LookupError):
        run(["report", "--results", str(tmp_path / "x")])


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "--format", "csv", "--output", ""],
        ["report", "--output", ""],
        ["explore", "results", "--output", ""],
        ["trend", "a", ""],
        ["compare", "a", ""],
        ["store", "salvage", "--into", ""],
        ["plan", ""],
    ],
)
def test_a_path_without_a_name_is_refused_and_never_the_current_folder(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 4
    assert "name a file or folder (. is the current one)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_takes_an_export_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(["export", "--format", "schema", "--output", str(pipe)]) == 0
        assert os.read(reader, 20).startswith(b"{")
    finally:
        os.close(reader)
    assert pipe.is_fifo()
