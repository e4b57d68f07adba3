import os

import pytest

from tests.command_line import QUICK, run

# Windows are opened in memory, so the tests run without a display.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


@pytest.fixture(scope="session", autouse=True)
def _one_thread_for_pytorch():
    """Its spinning threads slow down a test run on a machine that has other work."""
    from agents.cores.kernels import get_num_threads, set_num_threads

    set_num_threads(get_num_threads())


@pytest.fixture
def refused(capsys):
    """Call a script's main with bad input (in this process, which is quicker); returns what it said."""

    def call(main, *arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # from the parser of the command line
            code = exit_.code
        assert code == 2
        said = " ".join("".join(capsys.readouterr()).split())
        assert "Traceback" not in said
        return said

    return call


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    run("train.py", *QUICK, "--out", folder)
    return folder
