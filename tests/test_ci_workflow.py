"""The workflow that `harness init` writes, step by step, on a repository whose second commit makes a model worse."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness import starter

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
WORKFLOW = Path(starter.__file__).parent / "files" / "benchmark.yml"
NETS = """
import keras

def build(variant, input_shape, classes):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(input_shape), layers.Flatten(), layers.Dense(classes, activation="softmax")]
    )
"""
WORSE = NETS.replace("Flatten", "GlobalAveragePooling2D")
SUITE = """
from harness import Suite, Variant
NET = Variant(model="nets:build")
SUITE = Suite("net", [NET.replace(learning_rate=0.002)], NET)
"""
SETTINGS = "[tool.harness]\nseeds = 3\nepochs = 1\nworkers = 1\n"


def steps():
    """Return name and commands of each step that runs any, but for the installation."""
    found = re.findall(r"^      - (?:name: (\w+)\n +)?run: (.*(?:\n {10}.+)*)$", WORKFLOW.read_text(), re.MULTILINE)
    return {name: "\n".join(line.strip() for line in run.removeprefix("|").splitlines()) for name, run in found if name}


def git(folder, *arguments):
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def pull_request(tmp_path):
    """A checkout of a branch with a worse model, as the runner makes it."""
    base, checkout = tmp_path / "base", tmp_path / "checkout"
    (base / "suites").mkdir(parents=True)
    for name, content in {"suites/suite_net.py": SUITE, "nets.py": NETS, "pyproject.toml": SETTINGS}.items():
        (base / name).write_text(content)
    git(base, "init")
    git(base, "add", ".")
    git(base, "commit", "-m", "a model")
    git(tmp_path, "clone", str(base), str(checkout))
    git(checkout, "checkout", "--detach")
    (checkout / "nets.py").write_text(WORSE)
    git(checkout, "commit", "-am", "a worse one")
    return checkout


def test_the_page_shows_the_very_workflow():
    assert f"```yaml\n{WORKFLOW.read_text()}```\n" in (ROOT / "docs" / "ci.md").read_text()


def test_the_steps_fail_where_the_model_became_worse_and_the_summary_says_why(pull_request, tmp_path):
    assert list(steps()) == ["base", "branch", "compare"]
    environ = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_BASE_REF": "main",
        "PYTEST_ADDOPTS": "--benchmark-skip",  # step times are not the point here
    }
    ran = {}
    for name, commands in steps().items():
        environ["GITHUB_STEP_SUMMARY"] = str(tmp_path / f"summary-{name}.md")
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", commands]
        ran[name] = subprocess.run(shell, cwd=pull_request, env=environ, capture_output=True, text=True, check=False)
    codes = {name: one.returncode for name, one in ran.items()}
    assert codes == {"base": 0, "branch": 0, "compare": 1}, "\n".join(one.stdout + one.stderr for one in ran.values())
    assert all("6 trials to train, 0 done" in ran[name].stdout for name in ("base", "branch"))
    annotations = [line for line in ran["compare"].stderr.splitlines() if line.startswith("::error ")]
    assert len(annotations) == 2
    assert all("accuracy_verdict worse" in line for line in annotations)
    summary = (tmp_path / "summary-compare.md").read_text()
    assert summary.startswith("### 2 rows failed a gate\n\n- ")
    assert "accuracy\\_verdict == 'worse'" in summary or "accuracy_verdict == 'worse'" in summary
    assert re.search(r"source of .*nets", summary), "what else differs is why"
    assert "worse" in summary[summary.index("| ") :]
    junit = ElementTree.parse(pull_request / "results-branch" / "junit.xml").getroot()
    told = {one.get("name"): one.get("value") for one in junit.iter("property")}
    assert float(told["accuracy"]) < 0.2
    assert told["status"] == "ok"
