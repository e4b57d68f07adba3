"""The patterns and the networks that complete them."""

import pytest
import torch

from benchmarks.memory import episode_seconds
from memory_tasks.bits_experiment import BitsExperiment
from memory_tasks.clamped_lstm import ClampedLSTM
from memory_tasks.pattern_networks import DirectDrive, plain_network, plastic_network
from memory_tasks.patterns import PatternTask
from memory_tasks.patterns_experiment import PatternsExperiment

TASK = PatternTask(size=10, patterns=3, show=2, blank=1, cycles=2, recall=4)


def draw(count=50, seed=0, task=TASK):
    return task.sample(count, torch.Generator().manual_seed(seed))


def test_an_episode_shows_every_pattern_in_each_cycle_and_then_half_of_one():
    inputs, targets = draw()
    assert inputs.shape == (2 * 3 * 3 + 4, 50, 10)
    shown = inputs[:18].view(2, 3, 3, 50, 10)  # cycle, place, step
    assert shown[:, :, :2].abs().eq(1).all()
    assert shown[:, :, :2].sum(-1).eq(0).all()  # half of each sign
    assert torch.equal(shown[:, :, 0], shown[:, :, 1])
    assert shown[:, :, 2].eq(0).all()
    first, second = (sorted(map(tuple, cycle[:, 0, 7].tolist())) for cycle in shown)
    assert first == second
    assert len(set(first)) == 3
    pattern, probe = targets, inputs[-1]
    assert inputs[18:].eq(probe).all()
    assert probe.eq(0).sum(1).eq(5).all()
    assert torch.equal(probe[probe != 0], pattern[probe != 0])
    places = (shown[0, :, 0] == pattern).all(-1)
    assert places.any(0).all()
    assert places.any(1).all()  # first, second and third are asked for


def test_orders_and_erased_bits_differ_between_episodes_and_cycles():
    inputs, _ = draw()
    shown = inputs[:18].view(2, 3, 3, 50, 10)[:, :, 0]
    same = (shown[0] == shown[1]).all(-1).all(0)
    assert 0 < same.sum() < 30  # one in six by chance
    assert len({tuple(row) for row in inputs[-1].eq(0).tolist()}) > 40


def test_episodes_follow_from_the_generator_alone():
    generator = torch.Generator().manual_seed(3)
    one, two = TASK.sample(2, generator), TASK.sample(2, generator)
    torch.manual_seed(99)
    assert torch.equal(draw(2, seed=3).inputs, one.inputs)
    assert not torch.equal(one.inputs, two.inputs)


def test_errors_count_bits_of_the_wrong_sign():
    targets = torch.tensor([[1.0, -1, 1, -1], [1.0, 1, -1, -1]])
    answers = torch.tensor([[0.5, -0.1, -0.1, -1], [0.0, 1, -1, -1]])  # no sign is no answer
    assert TASK.errors(answers, targets).tolist() == [0.25, 0.25]
    squares = (0.5**2 + 0.9**2 + 1.1**2, 1.0)
    assert TASK.loss(answers, targets).item() == pytest.approx(sum(squares) / 2)


def test_inputs_reach_a_neuron_each_and_the_bias_one_more():
    drive = DirectDrive(size=2, neurons=5, gain=20)
    assert drive(torch.tensor([[1.0, -1]])).tolist() == [[20, -20, 20, 0, 0]]
    assert not list(drive.parameters())


def test_fused_and_plain_networks_agree():
    torch.manual_seed(0)
    fused, plain = plastic_network(10, 2), plastic_network(10, 2, fused=False)
    plain.load_state_dict(fused.state_dict())
    inputs, targets = draw(4)
    gradients = []
    for network in (fused, plain):
        answers = network(inputs)
        assert answers.shape == (4, 10)
        gradients.append(torch.autograd.grad(TASK.loss(answers, targets), list(network.parameters())))
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)


def test_an_episode_can_be_timed():
    assert min(episode_seconds(plastic_network(10, 0), TASK)) > 0


def test_networks_start_as_in_the_paper():
    core = plastic_network(200, 0).core
    assert core.hidden_size == 201
    assert core.rule == "decay"
    for weights in (core.w, core.alpha):
        assert weights.mean().item() == pytest.approx(0, abs=3e-4)
        assert weights.std().item() == pytest.approx(0.01, rel=0.03)
    assert core.eta.tolist() == pytest.approx([0.01])
    assert plain_network(50, 2000).core.hidden_size == 2051
    assert sum(p.numel() for p in plain_network(50, 2000).parameters()) == 2051**2


def lstm_by_hand(network, x):
    """PyTorch's own cell, its state overwritten where there is an input."""
    weight, bias = network.recurrent.weight, network.recurrent.bias
    h = c = torch.zeros(x.shape[1], network.cells)
    for x_t in x:
        none, zero = torch.zeros(len(h), 1), torch.zeros(len(bias), 1)
        _, c = torch.lstm_cell(none, (h, c), zero, weight, bias, torch.zeros_like(bias))
        gates = h @ weight.t() + bias
        c = c.clone()
        clamped = x_t != 0
        c[:, : x_t.shape[1]][clamped] = x_t[clamped]
        h = torch.sigmoid(gates.chunk(4, 1)[3]) * torch.tanh(c)
    return h[:, : x.shape[2]]


def test_the_lstm_has_its_inputs_in_its_cells():
    torch.manual_seed(0)
    network = ClampedLSTM(size=10, cells=17)
    inputs, targets = draw(4)
    answers, expected = network(inputs), lstm_by_hand(network, inputs)
    torch.testing.assert_close(answers, expected)
    parameters = list(network.parameters())
    for one, two in zip(
        torch.autograd.grad(TASK.loss(answers, targets), parameters),
        torch.autograd.grad(TASK.loss(expected, targets), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_the_experiments_are_those_of_the_paper():
    patterns, bits = PatternsExperiment(), BitsExperiment()
    for experiment in (patterns, bits):
        experiment.check()
    assert patterns.task().steps == 106
    assert (bits.task().size, bits.task().steps) == (50, 11)
    assert patterns.network("plastic").core.hidden_size == 1001
    assert bits.network("plastic").core.hidden_size == 51
    assert bits.network("rnn").core.hidden_size == 2051
    assert bits.network("lstm").cells == 2000
    assert [bits.learning_rate(name) for name in bits.networks] == [3e-4, 3e-5, 3e-5]


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (PatternsExperiment(size=7), "size must be an even number above 0, got 7"),
        (PatternsExperiment(show=0), "show must be a whole number above 0, got 0"),
        (PatternsExperiment(neurons_free=-1), "neurons_free must be a whole number from 0 on, got -1"),
        (BitsExperiment(lstm_cells=49), "lstm_cells must be at least the size, 50, got 49"),
        (BitsExperiment(networks=("gru",)), "unknown network 'gru' for bits; accepted: plastic, rnn, lstm"),
    ],
)
def test_bad_settings_are_named(experiment, message):
    with pytest.raises(ValueError, match=message):
        experiment.check()
