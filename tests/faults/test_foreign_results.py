"""A results folder from a stranger: every text in it means harm, and every command that reads a folder reads it.

One process, watched by an audit hook: nothing of the folder is imported, run or unpickled, nothing is written outside
of the folders that were asked for, and nothing of it reaches a terminal, a page or a file unescaped.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from changed_stores import seal
from made_results import CLASSES, Made, make_results

from harness import BASELINE, load_results
from harness.cli import run
from harness.datasets import Origin
from harness.results.conditions import Conditions
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.suites import Suite

# What a terminal, a page, a picture, a script, a spreadsheet, LaTeX or Markdown would obey, and a mark to find it by.
PAYLOAD = (
    "=1+1\x1b]0;evil\x07\x1b[2J\x9b31m\u202eevil\u2066\u2028\r\n\t\x00"
    "</script><script>evil()</script><svg onload=evil()><img src=x onerror='evil()'>{{evil}}${evil}"
    '" onmouseover="evil()" x=\'javascript:evil()\'></style></title>]]>'
    "<iframe src=javascript:evil()><a href=javascript:evil()>"
    "\\input{evil}$evil$%evil&evil;`evil`[evil](evil)|evil|<!--evil-->"
)
OUTSIDE = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "socket.connect",
    "pickle.find_class",
    "subprocess.Popen",
}
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}


class Watch:
    """What happens in this process while it is on; an audit hook cannot be taken away again."""

    def __init__(self):
        self.on = False
        self.folder = Path()
        self.writable = Path()
        self.faults: list[str] = []
        self.imported: set[str] = set()
        sys.addaudithook(self._hook)

    def _hook(self, event, arguments):
        if not self.on:
            return
        if event == "import":
            self.imported.add(arguments[0])
        elif event == "exec" and hasattr(arguments[0], "co_filename"):
            if str(self.folder) in arguments[0].co_filename:
                self.faults.append(f"{event} {arguments[0].co_filename}")
        elif event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                self._check_written(event, path)
        elif event in CHANGES:
            for path in arguments:
                if isinstance(path, str | bytes | os.PathLike):
                    self._check_written(event, path)
        elif event in OUTSIDE:
            self.faults.append(f"{event} {arguments}")

    def _check_written(self, event, path):
        place = Path(os.path.realpath(os.fsdecode(path)))
        if place != Path(os.devnull) and not place.is_relative_to(self.writable):
            self.faults.append(f"{event} {place}")


@pytest.fixture(scope="module")
def watch():
    return Watch()


def hostile(folder: Path) -> Path:
    """A results folder of which every text that may be any text is the payload."""
    evil = BASELINE.replace(model="evil_module:build", options={PAYLOAD: PAYLOAD, "width": 2})
    made = Made(
        accuracies={BASELINE: 0.6, evil: 0.8},
        step_ms={BASELINE: 8.0, evil: 9.0},
        seeds=(1, 2, 3),
        name=PAYLOAD,
        versions=((PAYLOAD, PAYLOAD),),
        machine=PAYLOAD,
        commit=PAYLOAD,
        fingerprint=PAYLOAD,
        message=PAYLOAD,
        failed=frozenset({(evil, 3)}),
    )
    make_results(folder, made)
    with sqlite3.connect(folder / "harness.sqlite") as connection:
        for table, column in (("trials", "record"), ("timings", "step_times")):
            for number, text in connection.execute(f"SELECT id, {column} FROM {table}").fetchall():
                content = json.loads(text)
                (content["trial"] if table == "trials" else content)["dataset"] = PAYLOAD
                content |= {"flags": [PAYLOAD]} if table == "timings" else {}
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (json.dumps(content), number))
        ((text,),) = connection.execute("SELECT provenance FROM runs").fetchall()
        run_of = json.loads(text)
        run_of |= dict.fromkeys(("command", "cpu", "system", "python", "accelerator", "driver"), PAYLOAD)
        run_of |= {"cpu_flags": [PAYLOAD], "variables": [[PAYLOAD, PAYLOAD]]}
        connection.execute("UPDATE runs SET provenance = ?", (json.dumps(run_of),))
        connection.execute("UPDATE test_sets SET classes = ?", (json.dumps([f"{PAYLOAD}{i}" for i in range(CLASSES)]),))
    connection.close()
    seal(folder / "harness.sqlite")
    conditions = Conditions.of(next(iter(load_results(folder).records.values())).trial)
    with open_store(folder) as store:
        store.add_search(PAYLOAD, evil, PAYLOAD, PAYLOAD)
        store.add_dataset(PAYLOAD, Origin("evil_module:build"))
        store.add_plans([PlannedSuite(Suite(PAYLOAD, (evil,), BASELINE), conditions, (3,), {BASELINE: "", evil: ""})])
    (folder / "evil_module.py").write_text("raise SystemExit('a module of the folder was imported')\n")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder to stand in, with the hostile results, and a module in it that must not be imported."""
    project = tmp_path_factory.mktemp("project")
    hostile(project / "results")
    hostile(project / "other")
    (project / "evil_module.py").write_text("raise SystemExit('a module of the folder was imported')\n")
    return project


@pytest.fixture(scope="module")
def said(project, watch):
    """What each command printed, with its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setattr(sys, "path", [str(project), *sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setenv("HARNESS_CACHE", str(project / "out/cache"))
        patch.setenv("TMPDIR", str(project / "out"))
        (project / "out").mkdir()
        texts, tools = ("plain", "github", "csv", "json", "latex"), ("tensorboard", "mlflow", "optuna")
        both = ["compare", "results", "other"]
        commands = {
            **{f"tables {style}": ["tables", "--format", style] for style in texts},
            "tables chosen": ["tables", "--columns", "suite,variant,dataset,message,step_time_flags,accuracy_hint"],
            "tables refused": ["tables", "--suite", "evil"],
            "tables none": ["tables", "--dataset", "none"],
            "report": ["report", "--output", "out"],
            **{f"compare {style}": [*both, "--format", style] for style in texts},
            **{f"trend {style}": ["trend", "results", "other", "--format", style] for style in texts},
            "trend page": ["trend", "results", "other", "--page", "out/trend.html"],
            "store check": ["store", "check"],
            "store salvage": ["store", "salvage", "--into", "out/salvaged"],
            "compare variants": ["compare", "--variants", "baseline", "evil"],
            "compare gate": [*both, "--fail-if", "accuracy > 0.1"],
            "explore results": ["explore", "results", "--output", "out/explore"],
            "explore data": ["explore", "data", "--output", "out/explore"],
            "explore suite": ["explore", "results", "--suite", "evil", "--output", "out/explore"],
            **{f"export {style}": ["export", "--format", style, "--output", f"out/e.{style}"] for style in texts},
            **{f"export {tool}": ["export", "--format", tool, "--output", f"out/{tool}"] for tool in tools},
        }
        for name in tools:
            pytest.importorskip(name)
        watch.folder, watch.writable = project, project / "out"
        found = {}
        for name, command in commands.items():
            out, err = io.StringIO(), io.StringIO()
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            watch.on = True
            try:
                code = run(command)
            finally:
                watch.on = False
            found[name] = (code, out.getvalue(), err.getvalue())
    return found


def test_every_command_that_reads_a_strangers_folder_reads_this_one(said):
    refused = {"tables refused", "tables none", "compare variants", "explore data", "explore suite"}
    assert {name: code for name, (code, _, _) in said.items() if code} == dict.fromkeys(refused, 4) | {
        "compare gate": 1
    }
    assert "--dataset evil_module:build if you trust it" in said["explore data"][2]


def test_reading_it_imports_and_runs_nothing_of_it_and_writes_nowhere_else(said, watch):
    assert watch.faults == []
    assert not [name for name in watch.imported if "evil" in name]


def test_no_terminal_obeys_it(said):
    for name, (_, out, err) in said.items():
        strange = {letter for letter in out + err if not letter.isprintable()} - {"\n"}
        assert not strange, (name, strange)


class Page(HTMLParser):
    """The tags and attributes of a page, outside of its own scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.links = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links.update(value or "" for name, value in attrs if name in ("href", "src"))


def test_no_page_picture_or_table_obeys_it(said, project):
    out = project / "out"
    files = [path for path in out.rglob("*") if path.is_file()]
    texts = {path: path.read_text("utf-8") for path in files if path.suffix in (".html", ".svg")}
    assert len([path for path in texts if path.suffix == ".html"]) > 3
    for path, text in texts.items():
        if path.suffix == ".svg":
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
            assert tags <= {"svg", "g", "path", "line", "rect", "text", "defs", "clipPath", "tspan", "use"}, path
        else:
            page = Page(text)
            assert not [name for name in page.attributes if name.startswith("on")], path
            assert not page.tags & {"img", "iframe"}
            assert not [link for link in page.links if re.match(r"\s*javascript:", link, re.I)], path
            assert "evil()</script>" not in text
        assert not set(text) & set("\x1b\x07\x9b\x00\u202e\u2066\u2028"), path
    for path in files:
        assert re.fullmatch(r"[\w.+=,#-]{1,255}", path.name, re.ASCII), path


def test_no_spreadsheet_latex_or_markdown_obeys_it(said, project):
    rows = list(csv.reader(io.StringIO(said["tables csv"][1])))
    cells = [cell for row in rows for cell in row if "evil" in cell]
    assert cells
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@"))]
    assert json.loads(said["tables json"][1])[0]["suite"] == PAYLOAD
    for name in ("tables latex", "compare latex"):
        tex = [line for line in said[name][1].splitlines() if not line.startswith("%")]
        assert "\\input" not in "\n".join(tex)
        assert "evil" in said[name][1]
    for name in ("tables github", "compare github"):
        assert not re.search(r"(?<!\\)[<`|\[]/?(script|svg|img|evil)", said[name][1])
    assert (project / "out/e.csv").read_text() == said["tables csv"][1]


def test_a_folder_that_links_out_of_itself_is_not_written_through(tmp_path, capsys):
    folder = make_results(tmp_path / "results", Made(accuracies={BASELINE: 0.5}, step_ms={}, seeds=(1,)))
    (tmp_path / "mine").mkdir()
    for name in ("report", "charts", "explore"):
        (folder / name).symlink_to(tmp_path / "mine")
    (tmp_path / "table").write_text("mine")
    (folder / f".{os.getpid()}-table.csv").symlink_to(tmp_path / "table")
    for command in (["report"], ["explore", "results"]):
        assert run([*command, "--results", str(folder)]) == 4
        assert f"is a link to {tmp_path}/mine, outside of {folder}, where nothing is written" in capsys.readouterr().err
    assert run(["export", "--results", str(folder), "--format", "csv", "--output", str(folder / "table.csv")]) == 0
    assert list((tmp_path / "mine").iterdir()) == []
    assert (tmp_path / "table").read_text() == "mine"
