"""Faults 3 to 6, 25 and 33: whatever a trial does to its process, it costs that trial, and the next meets none of it.

One worker serves all of these trials, one after the other; each is followed by one of a plain variant, which must give
the bits that it gave before all of them.
"""

import contextlib
import os
import sys
import threading
from pathlib import Path

import pytest
from waiting import ended, wait_until

from harness.budgets import BUDGETS
from harness.cli import run
from harness.datasets import DatasetRef, load_dataset
from harness.results.records import Record
from harness.results.trials import Trial
from harness.running import worker_pool
from harness.running.keeper import LOG_LIMIT_BYTES
from harness.running.worker_pool import PoolExecutor
from harness.training.devices import Device, training_environment
from harness.variants import BASELINE, Variant
from harness.variants.sources import source_fingerprint

pytestmark = pytest.mark.slow

# No trial of these takes long, unless the machine is very busy, or it hangs.
PATIENCE_S = 600
MEMORY_MIB = 1600
PLAIN = BASELINE.replace(filters=(4,), dense=(8,))

NETS = """
import builtins, ctypes, gc, os, re, resource, signal, subprocess, sys, threading, time
from pathlib import Path
import keras
import numpy as np

HERE = Path(__file__).parent
FOREVER = [sys.executable, "-c", "import signal, time\\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\\n"
           "print('up', flush=True)\\ntime.sleep(1e6)"]

def build(variant, shape, classes):
    with (HERE / "builds.txt").open("a") as file:
        file.write(variant.option("kind", "plain") + "\\n")
    KINDS[variant.option("kind", "plain")]()
    i = keras.Input(shape)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(8)(i))
    return keras.Model(i, keras.layers.Dense(classes, activation="softmax")(x))

def dies():
    os.kill(os.getpid(), signal.SIGSEGV)  # the user's segfault

def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)

def hangs():
    for number in (1, 2, 6, 14, 15):
        signal.signal(number, signal.SIG_IGN)
    re.match(r"(a+)+$", "a" * 60 + "b")  # the user's loop, which never lets another thread run

def takes_memory():
    kept = []
    while True:
        kept.append(np.ones(2**22))  # the user's 32 MiB

def asks_for_too_much():
    np.empty((2**40, 2**10))  # the user's 8 PiB

def closes_files():
    os.closerange(3, 1000)

def floods():
    for _ in range(12):
        os.write(1, b"x" * 2**20)
        os.write(2, b"y" * 2**20)
        print("z" * 2**20)

def changes_folder():
    os.chdir("/")
    os.umask(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

def changes_signals():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGSEGV, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, 3600)
    signal.setitimer(signal.ITIMER_PROF, 3600)

def changes_python():
    os.environ.clear()
    np.seterr(all="raise")
    np.mean = builtins.sorted = os.getpid = time.perf_counter = None
    gc.disable()
    sys.stdout = sys.stderr = None
    sys.path.clear()

def starts_threads():
    def spoil():
        while True:
            os.environ["PATH"] = "/spoilt"
            os.chdir("/")
            time.sleep(0.001)
    threading.Thread(target=spoil, daemon=True).start()

def starts_processes():
    child = subprocess.Popen(FOREVER, stdout=subprocess.PIPE)
    daemon = subprocess.Popen(FOREVER, stdout=subprocess.PIPE, start_new_session=True)
    # The daemon's parent is gone at once, as after a double fork.
    orphan = subprocess.check_output(["sh", "-c", "setsid sh -c 'trap \\"\\" HUP TERM; sleep 100000' >&- & echo $!"])
    child.stdout.read(3), daemon.stdout.read(3)
    (HERE / "pids.txt").write_text(f"{child.pid} {daemon.pid} {int(orphan)}")

def copies_itself():
    pid = ctypes.CDLL(None).fork()  # past all that Python can refuse
    if pid:
        (HERE / "pids.txt").write_text(str(pid))

def plain():
    pass

KINDS = {function.__name__: function for function in (
    dies, is_killed, hangs, takes_memory, asks_for_too_much, closes_files, floods, changes_folder, changes_signals,
    changes_python, starts_threads, starts_processes, copies_itself, plain)}
"""


class Worker:
    """One worker, and what a plain trial gives in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "workers.log"
        self.environment = training_environment(Device("cpu"))
        self.dataset = load_dataset("digits")
        self.pool = self.start()
        self.plain = self.run(PLAIN)
        assert self.plain.status == "ok"

    def start(self, timeout_s: float = PATIENCE_S, memory_mib: int = MEMORY_MIB) -> PoolExecutor:
        dataset = DatasetRef.of(self.dataset)
        limits = {"timeout_s": timeout_s, "memory_mib": memory_mib}
        return PoolExecutor(dataset, self.environment, workers=1, log=self.log, **limits)

    def trial(self, variant: Variant) -> Trial:
        source, data = source_fingerprint(variant) or "", self.dataset
        return Trial(variant, source, data.name, data.fingerprint, 1, BUDGETS["smoke"], self.environment)

    def run(self, variant: Variant) -> Record:
        return self.pool.run(self.trial(variant))

    def fails(self, kind: str) -> str:
        """Run a trial that must fail, and return why it did."""
        record = self.run(Variant(model="own_faults:build", options={"kind": kind}))
        assert record.status == "failed"
        return record.message

    def check(self) -> None:
        """A plain trial gives what it gave before."""
        again = self.run(PLAIN)
        assert again.message == ""
        assert (again.accuracy, again.loss, again.history[0].loss) == (
            self.plain.accuracy,
            self.plain.loss,
            self.plain.history[0].loss,
        )
        assert again.predictions.equals(self.plain.predictions)
        assert not list(self.folder.glob("*.trace"))


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_faults.py").write_text(NETS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        worker = Worker(folder)
        yield worker
        worker.pool.close()


@pytest.mark.parametrize("kind", ["floods", "changes_folder", "changes_signals", "changes_python", "starts_threads"])
def test_33_what_a_builder_does_to_its_process_reaches_no_next_trial(worker, kind):
    record = worker.run(Variant(model="own_faults:build", options={"kind": kind}))
    if kind != "changes_python":  # it breaks what its own trial needs
        assert (record.status, record.message) == ("ok", "")
    worker.check()
    assert worker.log.stat().st_size < LOG_LIMIT_BYTES + 1000
    assert (kind == "floods") <= (b"is left out" in worker.log.read_bytes()[-1000:])


@pytest.mark.parametrize("kind", ["starts_processes", "copies_itself"])
def test_33_processes_that_a_builder_starts_end_with_its_trial(worker, kind):
    record = worker.run(Variant(model="own_faults:build", options={"kind": kind}))
    assert (record.status, record.message) == ("ok", "")
    pids = list(map(int, (worker.folder / "pids.txt").read_text().split()))
    assert pids
    wait_until(lambda: all(map(ended, pids)))
    worker.check()


def test_33_a_builder_that_closes_its_workers_files_fails_alone(worker):
    assert "the code closed files that it had not opened" in worker.fails("closes_files")
    worker.check()


def test_03_a_worker_that_dies_fails_its_trial_with_signal_and_line(worker, monkeypatch, tmp_path):
    trial = worker.trial(Variant(model="own_faults:build", options={"kind": "dies"}))
    # Who gives the trial out may look for modules elsewhere, as another engine's process does.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(worker.folder)])
    record = worker.pool.run(trial)
    assert record.status == "failed"
    message = record.message
    assert message.startswith("the worker died of SIGSEGV: ")
    assert message.endswith("# the user's segfault")
    worker.check()


def test_04_a_trial_beyond_its_memory_is_ended_with_its_line(worker):
    message = worker.fails("takes_memory")
    assert message.startswith(f"used more than {MEMORY_MIB:,} MiB and was ended: raise --trial-memory")
    assert "own_faults.py, line " in message
    worker.check()


def test_25_memory_that_is_not_there_fails_the_trial_with_the_size_asked_for(worker, monkeypatch):
    monkeypatch.setattr(worker.pool, "_sharing", True)  # as where several workers train on one GPU
    message = worker.fails("asks_for_too_much")
    assert "Unable to allocate 8.00 PiB for an array with shape (1099511627776, 1024)" in message
    assert message.endswith("; 1 workers share the GPU: try fewer --workers")
    worker.check()


def test_05_a_trial_that_hangs_is_ended_with_its_line_though_it_ignores_signals(worker, monkeypatch):
    for times in (5, 50, 500):  # a machine that has become busy may not have come to the loop
        limit_s = max(3.0, times * worker.plain.total_s)
        monkeypatch.setattr(worker.pool, "_timeout_s", limit_s)
        message = worker.fails("hangs")
        assert message.startswith(f"took longer than {limit_s:g} s and was ended: raise --trial-timeout")
        if "# the user's loop" in message:
            break
    assert "# the user's loop" in message


def test_06_a_trial_that_crashes_is_run_once_in_a_run(worker):
    built = (worker.folder / "builds.txt").read_text().split()
    assert built.count("dies") == built.count("takes_memory") == built.count("closes_files") == 1


def test_06_a_worker_that_cannot_start_fails_its_trial_after_a_few_tries(worker, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    pool = worker.start()
    try:
        record = pool.run(worker.trial(PLAIN))
    finally:
        pool.close()
    assert record.status == "failed"
    assert record.message == "at its start, the worker ended with exit code 1"


def test_06_a_worker_that_is_killed_at_each_start_is_started_three_times(worker, monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, signal\nopen({str(tmp_path / 'starts')!r}, 'a').write('x')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    pool = worker.start()
    try:
        record = pool.run(worker.trial(PLAIN))
    finally:
        pool.close()
    assert record.message.startswith("at its start, the worker ")
    assert (tmp_path / "starts").read_text() == "xxx"


def test_06_a_trial_whose_worker_a_person_kills_is_tried_again_beside_the_others(worker, monkeypatch, tmp_path):
    (tmp_path / "vmstat").write_text("pgfault 9\noom_kill 3\n")  # the kernel kills nothing for memory meanwhile
    monkeypatch.setattr(worker_pool, "_KERNEL_COUNTS", tmp_path / "vmstat")
    messages = []
    trial = threading.Thread(target=lambda: messages.append(worker.fails("is_killed")), daemon=True)
    with worker.pool._turns.beside_others():  # another trial, which takes long
        trial.start()
        trial.join(PATIENCE_S)
    assert messages[0].startswith("the worker died of SIGKILL")
    assert (worker.folder / "builds.txt").read_text().split().count("is_killed") == 2


def limited_group() -> Path | None:
    """Return a new group whose processes the kernel kills beyond 900 MiB; None where we may make none."""
    for root, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(root) / f"harness-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / name).write_text(str(900 * 2**20))
        except OSError:
            if group.is_dir():
                group.rmdir()
            continue
        return group
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own kills for memory are counted on Linux")
def test_04_a_worker_that_the_system_kills_for_memory_is_named_so_and_tried_once_more_alone(worker):
    group = limited_group()
    if group is None:
        pytest.skip("making a control group needs an administrator")
    (worker.folder / "own_group.py").write_text(
        "import os, pathlib\nimport numpy as np\n\ndef build(variant, input_shape, classes):\n"
        f"    pathlib.Path('{group}/cgroup.procs').write_text(str(os.getpid()))\n"
        "    with open('kills.txt', 'a') as file:\n        file.write('built ')\n"
        "    kept = []\n    while True:\n        kept.append(np.ones(2**22))\n"
    )
    pool = worker.start(memory_mib=0)
    try:
        record = pool.run(worker.trial(Variant(model="own_group:build")))
    finally:
        pool.close()
        with contextlib.suppress(OSError):
            group.rmdir()
    assert record.message.startswith("the worker died of SIGKILL while the system ran out of memory: use fewer")
    assert (worker.folder / "kills.txt").read_text() == "built built "


@pytest.mark.parametrize("name", ["workers.log", "keras-tuner"])
def test_08_a_file_of_a_sweep_that_cannot_be_made_is_an_error_and_never_an_empty_success(
    tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite_one.py").write_text(
        "from harness import BASELINE, Suite\nSUITE = Suite('one', [BASELINE.replace(dropout=0.5)])\n"
    )
    (tmp_path / "results").mkdir()
    if name == "workers.log":
        (tmp_path / "results" / name).mkdir()
    else:
        (tmp_path / "results" / name).write_text("mine")
    assert run(["sweep", "suite_one.py", "--budget", "smoke", "--device", "cpu"]) == 4
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: results/{name} cannot be written (")
    assert "remove what is in its place" in line
    assert not (tmp_path / "results/tables").exists()
