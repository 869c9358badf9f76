"""Each export read back with the real package."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import resource
import shutil
import subprocess
import sys

import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.cli import run
from harness.errors import HarnessError
from harness.exports.runs import differing_fields, needed
from harness.exports.tensorboard import export_tensorboard
from harness.results import load_results
from harness.results.opening import open_store
from harness.results.provenance import collect_provenance
from harness.variants import BASELINE, Variant

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # MLflow's own


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = Made(diverged=frozenset({(WIDE, 2)}), failed=frozenset({(WIDE, 3)}))
    return make_results(tmp_path_factory.mktemp("trials"), made)


@pytest.fixture(scope="module")
def results(folder):
    return load_results(folder)


def _needs(*modules):
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


@_needs("tensorboard")
def test_tensorboard_reads_scalars_an_epoch_and_session_groups(results, folder, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    output = tmp_path / "logs"
    assert run(["export", "--results", str(folder), "--format", "tensorboard", "--output", str(output)]) == 0
    runs = sorted(path.relative_to(output).as_posix() for path in output.rglob("seed-*"))
    assert len(runs) == 15
    assert runs[0] == "digits,quick,cpu/baseline/seed-1"
    events = EventAccumulator(str(output / "digits,quick,cpu" / "dropout=0.5" / "seed-2")).Reload()
    record = next(r for r in results.records.values() if r.trial.variant == DROPOUT and r.trial.seed == 2)
    scalars = events.Scalars("validation/accuracy")
    assert [event.step for event in scalars] == [1, 2, 3, 4, 5]
    assert [event.value for event in scalars] == pytest.approx([e.val_accuracy for e in record.history])
    assert events.Scalars("test/accuracy")[0].value == pytest.approx(record.accuracy)
    plugin = events.PluginTagToContent("hparams")
    start = plugin_data_pb2.HParamsPluginData.FromString(plugin[metadata.SESSION_START_INFO_TAG]).session_start_info
    assert start.group_name == "dropout:0.5"
    assert start.hparams["dropout"].number_value == 0.5
    assert start.hparams["filters"].string_value == "32-64"
    root = EventAccumulator(str(output / "digits,quick,cpu")).Reload().PluginTagToContent("hparams")
    experiment = plugin_data_pb2.HParamsPluginData.FromString(root[metadata.EXPERIMENT_TAG]).experiment
    assert {info.name for info in experiment.hparam_infos} == {"filters", "dropout"}


@_needs("tensorboard")
def test_tensorboards_hparams_page_averages_over_the_seeds_of_a_variant(results, tmp_path):
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    export_tensorboard(results, tmp_path / "logs")
    runs = plugin_event_multiplexer.EventMultiplexer()
    runs.AddRunsFromDirectory(str(tmp_path / "logs"))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(tmp_path / "logs"))
    backend, request = backend_context.Context(TBContext(data_provider=provider)), context.RequestContext()
    found = backend.experiment_from_metadata(request, "", True, backend.hparams_metadata(request, ""), [])
    asked = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=10,
        aggregation_type=api_pb2.AGGREGATION_AVG,
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE],
        col_params=[api_pb2.ColParams(metric=metric.name) for metric in found.metric_infos],
    )
    groups = list_session_groups.Handler(request, backend, "", asked).run().session_groups
    by_name = {group.name: group for group in groups}
    assert set(by_name) == {"baseline", "dropout:0.5", "filters:64-128"}
    assert len(by_name["dropout:0.5"].sessions) == 5
    accuracies = [r.accuracy for r in results.records.values() if r.trial.variant == DROPOUT]
    shown = {value.name.tag: value.value for value in by_name["dropout:0.5"].metric_values}
    assert shown["test/accuracy"] == pytest.approx(sum(accuracies) / 5, abs=1e-6)


@_needs("mlflow", "sqlalchemy", "alembic")
def test_mlflow_reads_a_run_a_trial_nested_under_its_variant(results, folder, tmp_path):
    from mlflow.tracking import MlflowClient

    output = tmp_path / "mlflow.db"
    assert run(["export", "--results", str(folder), "--format", "mlflow", "--output", str(output)]) == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{output}")
    experiment = client.get_experiment_by_name("digits, quick, cpu")
    found = client.search_runs([experiment.experiment_id], max_results=100)
    parents = {r.info.run_name: r for r in found if "mlflow.parentRunId" not in r.data.tags}
    assert set(parents) == {"baseline", "dropout:0.5", "filters:64-128"}
    mine = [r for r in found if r.data.tags.get("mlflow.parentRunId") == parents["dropout:0.5"].info.run_id]
    by_seed = {int(r.data.params["seed"]): r for r in mine}
    assert sorted(by_seed) == [1, 2, 3, 4, 5]
    records = {r.trial.seed: r for r in results.records.values() if r.trial.variant == DROPOUT}
    for seed, one in by_seed.items():
        assert one.data.metrics["test_accuracy"] == records[seed].accuracy
        assert one.data.params["dropout"] == "0.5"
    history = client.get_metric_history(by_seed[1].info.run_id, "validation_loss")
    assert [(point.step, point.value) for point in history] == [
        (number, epoch.val_loss) for number, epoch in enumerate(records[1].history, start=1)
    ]
    accuracies = [record.accuracy for record in records.values()]
    assert parents["dropout:0.5"].data.metrics["test_accuracy"] == pytest.approx(sum(accuracies) / 5)
    wide = [r for r in found if r.data.tags.get("mlflow.parentRunId") == parents["filters:64-128"].info.run_id]
    assert sorted(r.info.status for r in wide) == ["FAILED", "FAILED", "FINISHED", "FINISHED", "FINISHED"]


@_needs("mlflow")
def test_a_precision_that_is_not_defined_fails_no_export(results, folder, tmp_path):
    from mlflow.tracking import MlflowClient

    shutil.copytree(folder, tmp_path / "results")
    record = next(iter(results.records.values()))
    with open_store(tmp_path / "results") as store:
        store.begin_run(next(iter(results.provenances.values())))
        store.add_record(dataclasses.replace(record, precision=math.nan))
    output = str(tmp_path / "x.db")
    assert run(["export", "--results", str(tmp_path / "results"), "--format", "mlflow", "--output", output]) == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{output}")
    experiment = client.get_experiment_by_name("digits, quick, cpu")
    found = client.search_runs([experiment.experiment_id], max_results=100)
    variants = {one.info.run_id: one for one in found if "mlflow.parentRunId" not in one.data.tags}
    without = [one for one in found if "test_accuracy" in one.data.metrics and "test_precision" not in one.data.metrics]
    (trial,) = [one for one in without if one.info.run_id not in variants]
    (variant,) = [one for one in without if one.info.run_id in variants]
    assert trial.data.params["seed"] == str(record.trial.seed)
    assert trial.data.tags["mlflow.parentRunId"] == variant.info.run_id
    assert variant.info.run_name == results.called(record.trial.variant)
    assert "test_precision_std" not in variant.data.metrics
    assert variant.data.metrics["test_recall_std"] > 0


@_needs("optuna")
def test_optuna_reads_a_study_a_suite(results, folder, tmp_path):
    import optuna

    output = tmp_path / "optuna.db"
    assert run(["export", "--results", str(folder), "--format", "optuna", "--output", str(output)]) == 0
    storage = f"sqlite:///{output}"
    assert optuna.get_all_study_names(storage) == ["dropout (digits, quick, cpu)"]
    study = optuna.load_study(study_name="dropout (digits, quick, cpu)", storage=storage)
    best = max((r for r in results.records.values() if r.status == "ok"), key=lambda r: r.accuracy)
    assert study.best_value == best.accuracy
    assert study.best_trial.params == {"dropout": 0.5, "filters": "32-64"}
    assert study.best_trial.user_attrs["variant"] == "dropout:0.5"
    assert study.best_trial.intermediate_values == {n: e.val_accuracy for n, e in enumerate(best.history, start=1)}
    states = [trial.state for trial in study.trials]
    assert states.count(optuna.trial.TrialState.FAIL) == 2
    assert len(states) == 15


@pytest.mark.parametrize("style", ["tensorboard", "mlflow", "optuna"])
def test_an_output_that_exists_is_never_mixed_into(folder, tmp_path, capsys, style):
    pytest.importorskip(style)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    assert run(["export", "--results", str(folder), "--format", style, "--output", str(tmp_path / "there")]) == 4
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "there" / "file").read_text() == "mine"


def test_a_missing_package_is_one_message_with_the_command():
    with pytest.raises(HarnessError) as caught:
        needed("no_such_package_here", "mlflow")
    assert str(caught.value) == (
        'no_such_package_here is not installed, which this export needs: `pip install "cnn-harness[mlflow]"`'
    )


def test_the_command_says_so_where_the_package_is_missing(folder, tmp_path):
    """In a process of its own, in which the package cannot be found."""
    program = (
        "import sys; sys.modules['optuna'] = None\n"
        "from harness.cli import run\n"
        f"sys.exit(run(['export', '--results', {str(folder)!r}, '--format', 'optuna', '--output', 'x.db']))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.strip() == (
        'error: optuna is not installed, which this export needs: `pip install "cnn-harness[optuna]"`'
    )


def test_fields_that_are_sometimes_none_become_text_in_all():
    backbone = BASELINE.replace(backbone="ResNet50")
    fields = differing_fields([BASELINE, backbone])
    assert fields[BASELINE]["backbone"] == "none"
    assert fields[backbone]["backbone"] == "ResNet50"
    assert differing_fields([BASELINE]) == {BASELINE: {}}


@pytest.mark.parametrize("style", [pytest.param(one, marks=_needs(one)) for one in ("tensorboard", "mlflow", "optuna")])
def test_a_disk_that_takes_no_more_is_told_with_the_outputs_own_name(folder, tmp_path, capsys, style):
    export = ["export", "--results", str(folder), "--format", style, "--output", str(tmp_path / "out")]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        code = run(export)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 1
    assert line.startswith(f"error: {tmp_path / 'out'} cannot be written (")
    assert list(tmp_path.iterdir()) == []


ODD = {
    BASELINE: 0.5,
    **{Variant(model="own.nets:build", options={name: 1}): 0.5 for name in ("w" * 200, "w" * 201, "w " * 100 + "!")},
}


@_needs("mlflow")
def test_mlflow_takes_texts_of_any_length(tmp_path):
    folder = make_results(tmp_path / "long", Made(name="s" * 9000, machine="m" * 9000, accuracies=ODD))
    record = next(iter(load_results(folder).records.values()))
    with open_store(folder) as store:
        store.begin_run(collect_provenance())
        for name in ("d" * 900, "d" * 901):
            trial = dataclasses.replace(record.trial, dataset=name, fingerprint=str(len(name)))
            store.add_record(dataclasses.replace(record, trial=trial))
    output = tmp_path / "out"
    assert run(["export", "--results", str(folder), "--format", "mlflow", "--output", str(output)]) == 0
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{output}")
    assert len([one for one in client.search_experiments() if one.name.startswith("d" * 400)]) == 2
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    keys = {key for one in runs for key in one.data.params if key.count("w") > 90}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {200}
