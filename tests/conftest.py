import os

import pytest

# Windows are opened in memory, so the tests run without a display.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


@pytest.fixture(scope="session", autouse=True)
def _one_thread_for_pytorch():
    """Its spinning threads slow down a test run on a machine that has other work."""
    from agents.cores.kernels import get_num_threads, set_num_threads

    set_num_threads(get_num_threads())
