"""Many runs from one file: trained side by side, taken up again, and drawn.

`sweep.toml` -> :mod:`sweeps.plan` -> :mod:`sweeps.driver` gives each run to a worker process, on this machine
(:mod:`sweeps.local`) or on others (:mod:`sweeps.ray_backend`) -> files of the runs -> :mod:`sweeps.report`.
:mod:`sweeps.compare` draws several sweeps over the setting in which they differ.
"""
