"""What cores refuse: input that does not fit, and what an author of a core got wrong."""

import numpy as np
import pytest
import torch

from agents.cores import CORES, Core, core_settings, make_core, matched_hidden_size

T, B, F, N = 7, 3, 4, 5
NAMES = ("plastic", "modulated", "retroactive", "plastic_gru", "retroactive_gru", "rnn", "lstm", "gru")


@pytest.mark.parametrize(
    ("name", "sizes", "settings", "message"),
    [
        (
            "plasticc",
            (F, N),
            {},
            r"unknown core 'plasticc' \(did you mean 'plastic'\?\); known cores: gru, lstm, modu",
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

    def __init__(self, initial, step, input_size=F):
        super().__init__(input_size, N)
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
            super().__init__(None, None, input_size)
            self.register_buffer("w", torch.zeros(hidden_size, hidden_size))
            self.bias = torch.nn.Parameter(torch.zeros(1 if not grows else hidden_size // 100 + 1))

    monkeypatch.setitem(CORES, "reservoir", Reservoir)
    with pytest.raises(ValueError, match=r"'reservoir' cannot have as many trained .*--match neurons\)"):
        matched_hidden_size("reservoir", 15, 100)


class Doing(Core):
    """A core that does in `step` what a test says: (core, features, state) -> what is added to activity."""

    def __init__(self, does, *layers):
        super().__init__(F, N)
        self.input = torch.nn.Linear(F, N)
        self.layers = torch.nn.ModuleList(layers)
        self.does, self.calls, self.kept = does, 0, (torch.zeros(2, N), torch.zeros(2, N))

    def initial_state(self, batch_size):
        return torch.zeros(batch_size, N), torch.zeros(batch_size, N)

    def step(self, x, state):
        added = self.does(self, x, state)
        h = torch.tanh(self.input(x) + state[0] + added)
        return h, (h, 0.9 * state[1] + h)


class Remembering(Doing):
    """Its initial state is one and the same object each time."""

    def initial_state(self, batch_size):
        return self.kept


class Guessing(Doing):
    def initial_state(self, batch_size):
        return torch.randn(batch_size, N), torch.zeros(batch_size, N)


def counted(core, x, state):
    core.calls += 1
    return 0.1 * core.calls


IN_PLACE = "step changes its features or the state before it in place"
RANDOM = "draws random numbers, so the update would see other activity than the rollout"


@pytest.mark.parametrize(
    ("core", "message"),
    [
        (Doing(lambda core, x, state: state[0].mul_(0.9).add_(core.input(x))), IN_PLACE),
        (Doing(lambda core, x, state: state[1].mul_(0.9)), IN_PLACE),
        (Doing(lambda core, x, state: core.input(x.data.mul_(2))), IN_PLACE),
        (Remembering(lambda core, x, state: state[1].add_(1)), IN_PLACE),
        (Doing(lambda core, x, state: torch.randn(len(x), N)), f"a step {RANDOM}"),
        (Doing(lambda core, x, state: core.layers[0](state[0]), torch.nn.Dropout(0.1)), "a step in training"),
        (Guessing(lambda core, x, state: 0), f"a step {RANDOM}"),
        (Doing(lambda core, x, state: float(np.random.default_rng().normal())), "two equal calls of step"),
        (Doing(counted), "two equal calls of step give different results"),
        (
            Doing(lambda core, x, state: core.layers[0](core.input(x)), torch.nn.BatchNorm1d(N)),
            "step gives other results in training mode than outside it",
        ),
    ],
)
def test_steps_that_an_update_could_not_take_again_are_refused(core, message):
    modes = [module.training for module in core.modules()]
    with pytest.raises(ValueError, match=f"the core .*: .*{message}"):
        core.check()
    assert [module.training for module in core.modules()] == modes


def test_steps_that_are_fine_pass():
    Doing(lambda core, x, state: core.layers[0](x).sum(), torch.nn.LayerNorm(F)).check()
    Remembering(lambda core, x, state: state[1]).check()
    Doing(lambda core, x, state: float("nan")).check()


@pytest.mark.parametrize("name", NAMES)
def test_checking_a_core_draws_nothing_and_goes_without_numbers(name):
    core, random = make_core(name, F, N), torch.get_rng_state()
    core.check()
    assert torch.equal(torch.get_rng_state(), random)
    with torch.device("meta"):
        make_core(name, F, N).check()


def named(monkeypatch, core_class):
    monkeypatch.setitem(CORES, "own", core_class)


def test_a_core_may_call_its_sizes_as_it_likes(monkeypatch):
    class Short(Slip):
        def __init__(self, i, h, gain=1.0):
            super().__init__(None, None, i)
            self.gain = gain

    named(monkeypatch, Short)
    assert list(core_settings("own")) == ["gain"]
    assert make_core("own", 3, N, gain=2.0).gain == 2.0


def test_a_core_may_hand_its_arguments_on(monkeypatch):
    class Handing(CORES["rnn"]):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    named(monkeypatch, Handing)
    assert make_core("own", 3, N).input_size == 3


def test_a_core_that_does_not_take_its_sizes_first_is_named(monkeypatch):
    class Swapped(Slip):
        def __init__(self, hidden_size, input_size):
            super().__init__(None, None, input_size)

    class ByName(Slip):
        def __init__(self, *, input_size, hidden_size):
            super().__init__(None, None, input_size)

    for core_class, message in (
        (Swapped, "given 3 and 5, it has 5 features"),
        (ByName, "first two arguments"),
    ):
        named(monkeypatch, core_class)
        with pytest.raises(ValueError, match=f"the core 'own' must take the number of features .*{message}"):
            make_core("own", 3, N)
