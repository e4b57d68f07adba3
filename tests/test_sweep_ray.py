"""A sweep on a Ray cluster that loses a node. Ray is optional: without it only its absence is tested."""

import sys
from pathlib import Path

import pytest

import sweep as sweep_script

TOML = """
seeds = 2
[settings]
env = "PlasticMazeSmall-v0"
total_steps = 1_200_000
n_envs = 16
hidden_size = 8
checkpoint_every = 20_000
[evaluation]
episodes = 8
[entries.rnn]
core = "rnn"
"""


class NodeKiller:
    """An audience that ends a node as soon as every run has brought a checkpoint here, and takes notes."""

    def __init__(self, cluster, node, runs, folder):
        self.cluster, self.node, self.runs, self.folder = cluster, node, runs, folder
        self.kept, self.lost_runs = {}, []

    def refresh(self):
        last = {run.name: run.folder(self.folder).last_checkpoint() for run in self.runs}
        if not self.kept and all(last.values()):
            self.kept = {name: int(file.stem) for name, file in last.items()}
            self.cluster.remove_node(self.node, allow_graceful=False)

    def lost(self, run):
        self.lost_runs.append(run.name)

    def started(self, run): ...
    def finished(self, run): ...
    def failed(self, failure): ...
    def stopping(self): ...


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))  # the nodes' processes find the project there
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_runs_of_a_lost_node_go_on_elsewhere_from_their_last_checkpoint(tmp_path, cluster):
    from sweeps.driver import drive
    from sweeps.plan import read_sweep
    from sweeps.ray_backend import RayBackend

    (tmp_path / "sweep.toml").write_text(TOML)
    runs = read_sweep(tmp_path / "sweep.toml").runs()
    _, doomed = (cluster.add_node(num_cpus=1, include_dashboard=False) for _ in range(2))
    backend = RayBackend(tmp_path, cluster.address, jobs=None)
    assert backend.slots() == 2
    audience = NodeKiller(cluster, doomed, runs, tmp_path)

    assert drive(runs, tmp_path, backend, audience, pause=0.2) == []

    assert all(run.is_finished(tmp_path) for run in runs)
    # The other node worked on. (Until the cluster knows of the death, the run may be sent there once more.)
    lost = audience.lost_runs[0]
    assert set(audience.lost_runs) == {lost}
    printed = (tmp_path / f"{lost}.log").read_text()
    resumed = int(printed.split("resuming at step ")[1].split(", rnn")[0].replace(",", ""))
    assert resumed >= audience.kept[lost]
    for run in runs:
        steps = [int(line.split(",")[0]) for line in run.folder(tmp_path).metrics_file.open().readlines()[1:]]
        assert steps == sorted(set(steps))
        assert steps[-1] > 1_200_000 - run.settings.log_interval * 16 * 80
        files = {file.name for file in run.folder(tmp_path).path.iterdir()}
        assert {"agent.safetensors", "metrics.csv", "settings.json", "evaluation.json"} <= files
        assert "checkpoints" not in files


def test_without_ray_a_sentence_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    (tmp_path / "sweep.toml").write_text(TOML)
    assert sweep_script.main([str(tmp_path / "sweep.toml"), "--backend", "ray"]) == 2
    assert "Ray, which is not installed: pip install -e .[ray]" in capsys.readouterr().err
    assert not (tmp_path / "rnn").exists()


def test_a_cluster_that_is_not_there_is_named_at_once(tmp_path, capsys):
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
    (tmp_path / "sweep.toml").write_text(TOML)
    arguments = [str(tmp_path / "sweep.toml"), "--backend", "ray", "--address", "127.0.0.1:1"]
    assert sweep_script.main(arguments) == 2
    assert "no Ray cluster at --address 127.0.0.1:1: " in capsys.readouterr().err
