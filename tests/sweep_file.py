"""A small sweep for tests."""

TOML = """
seeds = {seeds}
[settings]
env = "PlasticMazeSmall-v0"
total_steps = {steps}
n_envs = 16
hidden_size = 8
checkpoint_every = 6400
[evaluation]
episodes = 20
seed = 500
[entries.plastic]
[entries.rnn]
core = "rnn"
"""


def write(folder, text=TOML, seeds=1, steps=960, more=""):
    file = folder / "sweep.toml"
    file.write_text(text.format(seeds=seeds, steps=steps) + more)
    return file
