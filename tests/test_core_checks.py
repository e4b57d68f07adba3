"""What cores refuse: input that does not fit, and what an author of a core got wrong."""

import pytest
import torch

from agents.cores import CORES, Core, make_core, matched_hidden_size

T, B, F, N = 7, 3, 4, 5
NAMES = ("plastic", "modulated", "retroactive", "plastic_gru", "retroactive_gru", "rnn", "lstm", "gru")


@pytest.mark.parametrize(
    ("name", "sizes", "settings", "message"),
    [
        (
            "plasticc",
            (F, N),
            {},
            "unknown core 'plasticc'; known cores: gru, lstm, modulated, plastic, plastic_gru, retro",
        ),
        ("plastic", (F, N), {"rule": "hebb"}, "unknown plasticity rule 'hebb'; known rules: decay,"),
        ("plastic", (F, N), {"eta": float("nan")}, "eta must be a finite number, got nan"),
        ("plastic", (F, N), {"init_scale": float("inf")}, "init_scale must be a finite number"),
        ("lstm", (F, N), {"rule": "clip"}, "'lstm' has no setting 'rule'; it has no settings"),
        ("gru", (F, 0), {}, "hidden_size must be a positive whole number, got 0"),
        ("rnn", (-1, N), {}, "input_size must be a positive whole number, got -1"),
    ],
)
def test_bad_input_is_named(name, sizes, settings, message):
    with pytest.raises(ValueError, match=message):
        make_core(name, *sizes, **settings)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "rnn",
            {"known": lambda known: known.double()},
            r"known must be torch.float32 .*got torch.float64",
        ),
        (
            "rnn",
            {"known": lambda known: known.repeat(1, 1, 100)},
            "known must be torch.float32",
        ),
        ("gru", {"known": lambda known: known[:-1]}, "known must be"),
        ("lstm", {"c0": lambda c0: c0.repeat(100, 1)}, "c0 must be torch.float32"),
        ("lstm", {"c0": lambda c0: c0.double()}, "c0 must be torch.float32"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_kernel_reads_it(name, change, message):
    core = make_core(name, F, 5)
    x, starts = torch.randn(T, 7, F), torch.zeros(T, 7, dtype=torch.bool)
    h0, *cells = core.initial_state(7)
    with torch.no_grad():
        known, _ = core.unroll(x, (h0, *cells), starts)
    known = change.get("known", lambda same: same)(known)
    cells = [change.get("c0", lambda same: same)(leaf) for leaf in cells]
    with pytest.raises(ValueError, match=message):
        core.replay(x, (h0, *cells), starts, known)


def test_mixed_precision_is_refused():
    core = make_core("gru", F, 5)
    x, starts = torch.randn(T, 7, F), torch.zeros(T, 7, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(ValueError, match="drive must be"):
        core.replay(x, core.initial_state(7), starts, torch.zeros(T, 7, 5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_empty_sequences_are_refused(name, shape):
    core = make_core(name, F, 5)
    with pytest.raises(ValueError, match=r"empty|at least one step and one sequence"):
        core.unroll(
            torch.zeros(*shape, F), core.initial_state(shape[1]), torch.zeros(shape, dtype=torch.bool)
        )


class Slip(Core):
    """A core whose author returns what a test says."""

    def __init__(self, initial, step):
        super().__init__(F, N)
        self._initial, self._step = initial, step

    def initial_state(self, batch_size):
        return self._initial(torch.zeros(batch_size, N))

    def step(self, x, state):
        return self._step(torch.zeros(len(x), N))


@pytest.mark.parametrize(
    ("initial", "step", "message"),
    [
        (lambda h: h, lambda h: (h, (h,)), r"initial_state\(2\) must return a tuple of tensors with 2 rows"),
        (
            lambda h: (h[0],),
            lambda h: (h, (h,)),
            r"initial_state\(2\) must .*got \(a tensor of shape \[\d+\], float32\)",
        ),
        (lambda h: (h,), lambda h: (h, h), r"tensors of shapes \[\[2, \d+\]\], got a tensor of shape"),
        (lambda h: (h,), lambda h: h, r"step must return \(activity, state\), got a tensor"),
        (lambda h: (h,), lambda h: (h[:, :3], (h,)), r"activity of shape .*got a tensor of shape \[2, 3\]"),
    ],
)
def test_what_a_core_returns_is_checked(initial, step, message):
    with pytest.raises(ValueError, match=message):
        Slip(initial, step).check()
    Slip(lambda h: (h,), lambda h: (h, (h,))).check()


@pytest.mark.parametrize("leaves", [(1,), (-1,), 0, [0], ("h",)])
def test_what_a_core_says_of_its_plastic_weights_is_checked(leaves, monkeypatch):
    core = Slip(lambda h: (h,), lambda h: (h, (h,)))
    monkeypatch.setattr(Slip, "plastic_leaves", leaves)
    with pytest.raises(ValueError, match="plastic_leaves must be a tuple of indices, each 0 to 0, got"):
        core.check()


def test_a_core_must_take_and_give_float32():
    class Double(Slip):
        def __init__(self):
            super().__init__(lambda h: (h,), lambda h: (h, (h,)))
            self.input = torch.nn.Linear(F, N, dtype=torch.float64)

        def step(self, x, state):
            h = self.input(x)
            return h, (h,)

    with pytest.raises(ValueError, match=r"step fails for features a tensor of shape \[2, \d+\], float32"):
        Double().check()
    with pytest.raises(ValueError, match=r"must return float32 activity .*got a tensor .*, float64"):
        Slip(lambda h: (h,), lambda h: (h.double(), (h,))).check()


@pytest.mark.parametrize("grows", [False, True])
def test_a_core_that_cannot_be_matched_is_named(grows, monkeypatch):
    """One without trained weights, and one with a few, in a large fixed network."""

    class Reservoir(Slip):
        def __init__(self, input_size, hidden_size):
            super().__init__(None, None)
            self.register_buffer("w", torch.zeros(hidden_size, hidden_size))
            self.bias = torch.nn.Parameter(torch.zeros(1 if not grows else hidden_size // 100 + 1))

    monkeypatch.setitem(CORES, "reservoir", Reservoir)
    with pytest.raises(ValueError, match=r"'reservoir' cannot have as many trained .* \(--match neurons\)"):
        matched_hidden_size("reservoir", 15, 100)
