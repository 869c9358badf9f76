"""Joining a Ray cluster, over a fake of Ray: who may, what is asked first, and what is said where it cannot be."""

import os
import socket
import sys
import time
from importlib.machinery import ModuleSpec

import pytest
from test_in_the_way import ENVIRONMENT, TRIAL
from test_ray_actors import Ray

from harness.datasets import DatasetRef, load_dataset
from harness.errors import InputError
from harness.results.records import Record
from harness.running import ray_engine
from harness.running.executor import Work
from harness.running.node import Reply
from harness.running.ray_engine import RayEngine, _is_loopback

# What the process finds that asks a cluster first: a Ray whose cluster does as the environment says.
CLIENT = """
import os, time
from ray.exceptions import AuthenticationError

class GcsClient:
    def __init__(self, address):
        pass

    def get_all_node_info(self, timeout):
        does = os.environ["TEST_CLUSTER_" + os.environ["RAY_AUTH_MODE"]]
        if does == "refuses":
            raise AuthenticationError
        if does == "hangs":
            time.sleep(1e6)
        if does == "fails":
            raise RuntimeError("no GCS there")
        if does == "dies":
            os._exit(3)
"""


class Cluster(Ray):
    """As much of the `ray` module as joining calls."""

    __spec__ = ModuleSpec("ray", None)

    def __init__(self, answer=None, resources=None, fails=None):
        super().__init__(answer)
        self.joined, self.fails, self.sent, self.options = False, fails, [], {}
        self._resources = resources or {"CPU": 4.0}

    def init(self, address, **options):
        if self.fails == "hangs":
            time.sleep(1e6)
        if self.fails:
            raise ConnectionError(self.fails)
        self.joined, self.options = True, options

    def cluster_resources(self):
        return self._resources

    def put(self, value):
        self.sent.append(value)
        return "sent"

    def shutdown(self):
        self.leave()


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """Give what starts a cluster and returns the engine that is to join it; `open` and `token`: what asks it hears."""
    folder = tmp_path / "python/ray"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "exceptions.py").write_text("class AuthenticationError(Exception):\n    pass\n")
    (folder / "_raylet.py").write_text(CLIENT)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent), prepend=os.pathsep)
    for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_ENABLE_AUTO_CONNECT"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(ray_engine, "_joined", [])
    with socket.create_server(("127.0.0.1", 0)) as server:

        def start(ray, *, without="refuses", token=None, insecure=False, cpus=1, gpus=0.0):
            monkeypatch.setitem(sys.modules, "ray", ray)
            monkeypatch.setenv("TEST_CLUSTER_disabled", without)
            if token is not None:
                (tmp_path / "token").write_text("secret")
                monkeypatch.setenv("TEST_CLUSTER_token", token)
            address = f"127.0.0.1:{server.getsockname()[1]}"
            return RayEngine(address, cpus=cpus, gpus=gpus, insecure=insecure)

        yield start


def refusal(engine, asked=None):
    with pytest.raises(InputError) as refused:
        engine.size(asked)
    return str(refused.value)


def test_trials_run_on_a_cluster_that_takes_the_token_and_it_is_left_at_the_end(cluster, tmp_path):
    replies = [Reply(), Reply(lacks_data=True), Reply(Record(TRIAL, "ok"))]
    ray = Cluster(lambda *call: replies.pop(0))
    engine = cluster(ray, token="answers")
    assert engine.size(None) == 4
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert ray.options["_node_ip_address"] == "127.0.0.1"
    digits = load_dataset("digits")
    work = Work(DatasetRef.of(digits), ENVIRONMENT, timeout_s=600, memory_mib=0, log=tmp_path / "workers.log")
    executor = engine.start(work, 1)
    assert executor.run(TRIAL).status == "ok"
    assert [one.fingerprint for one in ray.sent] == [digits.fingerprint]
    executor.close()
    assert (ray.left, [one.alive for one in ray.actors]) == (1, [False])


def test_a_cluster_without_a_token_is_joined_only_where_that_is_allowed(cluster):
    said = refusal(cluster(Cluster(), without="answers"))
    assert "takes anybody's work without a token" in said
    assert said.endswith("or add --ray-insecure on a network of your own")
    assert cluster(Cluster(), without="answers", insecure=True).size(None) == 4
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_a_token_that_is_not_here_or_another_one_is_told(cluster, monkeypatch):
    assert "wants a token, and none is here: set RAY_AUTH_TOKEN_PATH" in refusal(cluster(Cluster()))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    monkeypatch.setenv("TEST_CLUSTER_token", "refuses")
    assert "refuses the token that is here: it has another one" in refusal(cluster(Cluster()))


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("fails", "this is no Ray cluster that can be joined (RuntimeError: no GCS there)"),
        ("dies", "this is no Ray cluster that can be joined (it says nothing)"),
        ("hangs", "no answer within 0.5 s; see docs/scale.md"),
    ],
)
def test_what_answers_and_is_no_cluster_is_told(cluster, monkeypatch, does, said):
    if does == "hangs":
        monkeypatch.setattr(ray_engine, "_ANSWER_S", 0.5)
    assert said in refusal(cluster(Cluster(), without=does))


def test_a_cluster_that_refuses_this_machine_or_never_answers_it_is_told(cluster, monkeypatch):
    said = refusal(cluster(Cluster(fails="no node here"), without="answers", insecure=True))
    assert "ConnectionError: no node here; this machine must be a node of the cluster" in said
    monkeypatch.setattr(ray_engine, "_JOIN_S", 0.1)
    said = refusal(cluster(Cluster(fails="hangs"), without="answers", insecure=True))
    assert "took longer than 0.1 s; see docs/scale.md" in said


def test_a_ray_that_cannot_be_imported_is_told_in_one_line(cluster, monkeypatch, tmp_path):
    engine = cluster(Cluster(), without="answers", insecure=True)
    monkeypatch.delitem(sys.modules, "ray")
    monkeypatch.syspath_prepend(tmp_path / "python")
    (tmp_path / "python/ray/__init__.py").write_text("raise RuntimeError('built for\\nanother protobuf')\n")
    assert refusal(engine) == "--executor ray: importing Ray failed: RuntimeError: built for another protobuf"


@pytest.mark.parametrize(
    ("given", "asked", "said"),
    [
        ({"cpus": 8}, None, "has room for 0 workers of 8 CPUs each (it has 6 CPUs, 1.5 GPUs)"),
        ({"cpus": 2}, 4, "has room for 3 workers of 2 CPUs each, and --workers is 4 (it has"),
        ({"gpus": 0.5}, 4, "has room for 3 workers of 1 CPUs and 0.5 GPUs each, and --workers is 4 (it has"),
    ],
)
def test_a_cluster_with_too_little_room_is_told_with_what_it_has(cluster, given, asked, said):
    ray = Cluster(resources={"CPU": 6.0, "GPU": 1.5})
    assert said in refusal(cluster(ray, without="answers", insecure=True, **given), asked)


def test_only_addresses_of_this_machine_itself_are_told_to_ray_as_its_own():
    hosts = ("localhost", "127.0.0.2", "10.0.0.5", "head")
    assert [_is_loopback(host) for host in hosts] == [True, True, False, False]
