"""Records say which machine trained them, where an engine trains on several."""

import dataclasses
from pathlib import Path

import pytest
import two_hosts
from made_results import BASELINE, Made, make_results

from harness.cli import run as harness
from harness.results import load_results
from harness.results.opening import open_store
from harness.results.provenance import collect_hardware, collect_provenance

HERE = Path(__file__).parent
SUITE = """
from harness import Suite, Variant
SUITE = Suite("a", [Variant(filters=(4,), dense=(8,))], baseline=Variant(filters=(4,), dense=()))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A sweep of four trials on two machines."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "suite_a.py").write_text(SUITE)
    (folder / "sitecustomize.py").write_text(two_hosts.CUSTOM)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(HERE)
        patch.setenv("CUSTOM_FOLDER", str(folder))
        patch.setattr("platform.node", lambda: "made-up-0")
        options = ["--device", "cpu", "--budget", "smoke", "--seeds", "2", "--workers", "2"]
        assert harness(["sweep", "suite_a.py", *options, "--executor", "two_hosts:processes"]) == 0
    return load_results(folder / "results")


def test_each_record_says_which_machine_trained_it_and_by_which_command(results):
    made = [results.provenances[key] for key in results.records]
    assert len(made) == 4
    assert {one.host for one in made} == {"made-up-1", "made-up-2"}
    here = collect_provenance()
    # All else is what this machine has, and the command is the one that was given here.
    assert {(one.cpu, one.cpu_flags, one.memory_mib, one.python) for one in made} == {
        (here.cpu, here.cpu_flags, here.memory_mib, here.python)
    }
    assert len({(one.command, one.started_at, one.commit) for one in made}) == 1


def test_the_report_names_the_machines_that_trained_and_no_other(results):
    page = (results.folder / "report" / "index.html").read_text()
    hosts = {one.host for one in results.provenances.values()}
    assert all(host in page for host in hosts)
    assert "made-up-0" not in page


def test_records_of_several_machines_share_a_transaction_and_a_run_each(tmp_path):
    folder = make_results(tmp_path / "results", Made(accuracies={BASELINE: 0.8}, step_ms={}, seeds=(1, 2, 3)))
    records = list(load_results(folder).records.values())
    here, there = collect_provenance(), dataclasses.replace(collect_hardware(), host="there", cores=99)
    on = [None, there, collect_hardware()]
    with open_store(folder) as store:
        store.begin_run(here)
        store.add_records([dataclasses.replace(one, trained_on=of) for one, of in zip(records, on, strict=True)])
        store.add_record(dataclasses.replace(records[1], trained_on=there))
        runs = [provenance for provenance in store.runs().values() if provenance.started_at == here.started_at]
    assert runs == [here, here.on(there)]
    found = load_results(folder).provenances
    assert [found[one.trial.key].host for one in records] == [here.host, "there", here.host]
