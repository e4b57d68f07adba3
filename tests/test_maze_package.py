"""The maze as a package: it runs where nothing can be written."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import plastic_maze

EVERYTHING = """
import gymnasium
import plastic_maze
from plastic_maze import *

assert ".zip" in plastic_maze.__file__
for name in ENVIRONMENTS:
    env = gymnasium.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(0)
    env.render()
envs = gymnasium.make_vec("plastic_maze:PlasticMazeSmall-v0", num_envs=2)
observations, _ = envs.reset(seed=0)
actions, _ = PlannerPlayer(envs).predict(observations)
envs.step(actions)
print(score_bound(envs.rules).score)
"""


def test_it_runs_from_where_nothing_can_be_written(tmp_path: Path) -> None:
    """An archive, into which Python never writes, whoever runs it; and a home that is not there."""
    archive = tmp_path / "maze.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in Path(plastic_maze.__file__).parent.glob("*.py"):
            file.write(path, f"plastic_maze/{path.name}")
    archive.chmod(0o444)
    work = tmp_path / "work"
    work.mkdir(mode=0o555)
    environment = os.environ | {"PYTHONPATH": str(archive), "HOME": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 190
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maze.zip", "work"]
    assert not list(work.iterdir())
