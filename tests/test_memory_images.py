import pytest
import torch

from memory_tasks.image_networks import ClampedPlastic, ClampedRNN
from memory_tasks.image_sources import photograph, shrunk
from memory_tasks.images import ImageTask, Timing, hidden_errors, normalised
from memory_tasks.images_experiment import ImagesExperiment
from tests.image_material import generator, noise, small_task

# ---------------------------------------------------------------------------------------------- episodes


def test_an_episode_has_the_steps_that_its_timing_says():
    inputs, targets = small_task().sample(7, generator())
    assert inputs.shape == (2 * 3 * (3 + 2) + 2, 7, 17)
    assert targets.shape == (7, 16)
    paper = Timing(show=20, blank=2, cycles=3, recall=3)
    assert len(small_task(timing=paper).sample(1, generator()).inputs) == 201


def test_images_clamp_all_neurons_while_shown_and_none_but_the_bias_between():
    inputs, _ = small_task().sample(7, generator())
    assert (inputs[..., -1] == 1).all()
    free = inputs[:-2, :, :-1].isnan().view(2, 3, 5, 7, 16)
    assert not free[:, :, :3].any()
    assert free[:, :, 3:].all()


def test_every_cycle_shows_every_image_in_an_order_of_its_own():
    inputs, _ = small_task().sample(50, generator())
    shown = inputs[:-2, :, :-1].view(2, 3, 5, 50, 16)[:, :, :3].transpose(0, 3)  # episode, image, step, cycle
    assert (shown == shown[:, :, :1]).all()
    first, second = shown[:, :, 0, 0], shown[:, :, 0, 1]
    same = (first.unsqueeze(1) == second.unsqueeze(2)).all(-1)
    assert (same.sum(1) == 1).all()
    assert (same.sum(2) == 1).all()
    in_place = same.diagonal(dim1=1, dim2=2).all(1)
    assert in_place.any()
    assert not in_place.all()


def test_the_cue_is_one_half_of_an_image_shown_and_the_target_the_other():
    inputs, targets = small_task().sample(60, generator())
    cue = inputs[-1, :, :-1]
    assert inputs[-2].equal(inputs[-1]) or (inputs[-2].isnan() == inputs[-1].isnan()).all()
    assert (cue.isnan() != targets.isnan()).all()
    upper = cue[:, :8].isnan().all(1)
    lower = cue[:, 8:].isnan().all(1)
    assert (upper != lower).all()
    assert 10 < upper.sum() < 50
    whole = torch.where(cue.isnan(), targets, cue)
    shown = inputs[:15:5, :, :-1]
    matches = (shown == whole).all(-1)
    assert (matches.sum(0) == 1).all()
    assert (matches.sum(1) > 8).all()  # any of the three can be asked for


def test_held_out_episodes_show_other_images_than_training():
    task = small_task()
    train, test = (normalised(shrunk(pool, 4)) for pool in (noise(9, 1), noise(5, 2)))
    for held_out, own, other in ((False, train, test), (True, test, train)):
        shown = task.sample(40, generator(), held_out).inputs[:15:5, :, :-1].flatten(0, 1)
        assert (shown.unsqueeze(1) == own).all(-1).any(1).all()
        assert not (shown.unsqueeze(1) == other).all(-1).any()


def test_the_images_of_an_episode_are_different():
    inputs, _ = small_task(images=5, pools=(5, 5)).sample(30, generator())
    shown = inputs[:25:5, :, :-1].transpose(0, 1)
    assert all(len(torch.unique(images, dim=0)) == 5 for images in shown)


def test_the_same_generator_draws_the_same_episodes():
    first, second = (small_task().sample(4, generator(3)) for _ in range(2))
    assert first.inputs.equal(second.inputs) or torch.equal(
        first.inputs.nan_to_num(), second.inputs.nan_to_num()
    )
    assert not torch.equal(
        first.inputs.nan_to_num(), small_task().sample(4, generator(4)).inputs.nan_to_num()
    )


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match=r"3 different images .* only 2 test images"):
        small_task(pools=(9, 2))
    with pytest.raises(ValueError, match="only 0 training images"):
        small_task(pools=(0, 5))


# ------------------------------------------------------------------------------------- pixels and errors


def test_loss_and_errors_are_those_of_the_hidden_half():
    nan = torch.nan
    targets = torch.tensor([[1.0, -1.0, nan, nan], [nan, nan, 0.5, 0.0]])
    answers = torch.tensor([[0.0, -1.0, 9.0, 9.0], [9.0, 9.0, 0.5, 1.0]], requires_grad=True)
    task = small_task()
    errors = task.errors(answers, targets)
    assert errors.tolist() == [0.5, 0.5]
    assert not errors.requires_grad
    loss = task.loss(answers, targets)
    assert loss.item() == 0.5
    loss.backward()
    assert answers.grad.tolist() == [[-0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5]]


def test_the_mean_image_is_that_of_the_training_images():
    expected = normalised(shrunk(noise(9, 1), 4)).mean(0)
    torch.testing.assert_close(small_task().mean_image(), expected)


# ----------------------------------------------------------------------------------------------- networks


def test_networks_answer_with_the_pixels():
    inputs, targets = small_task().sample(6, generator())
    for network in (ClampedPlastic(17), ClampedRNN(17)):
        answers = network(inputs)
        assert answers.shape == (6, 16)
        given = targets.isnan()
        torch.testing.assert_close(answers[given], inputs[-1, :, :-1][given])
        assert answers[~given].abs().max() < 1


def test_networks_start_as_in_the_paper_and_train_every_number_that_they_have():
    torch.manual_seed(0)
    plastic, rnn = ClampedPlastic(257), ClampedRNN(257)
    assert sum(p.numel() for p in plastic.parameters()) == 2 * 257**2 + 1
    assert sum(p.numel() for p in rnn.parameters()) == 257**2
    for weights in (plastic.core.w, plastic.core.alpha, rnn.w):
        assert abs(weights.mean()) < 1e-4
        assert weights.std().item() == pytest.approx(0.01, rel=0.01)
    assert plastic.core.eta.item() == pytest.approx(0.01)
    assert plastic.core.rule == "decay"
    inputs, targets = small_task(size=16).sample(2, generator())
    for network in (plastic, rnn):
        small_task().loss(network(inputs), targets).backward()
        assert all(p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("blank", [0, 2])
def test_the_rnn_is_the_plastic_network_without_plasticity(blank):
    timing = Timing(show=2, blank=blank, cycles=1, recall=3)
    inputs, _ = small_task(timing=timing).sample(4, generator())
    plastic, rnn = ClampedPlastic(17), ClampedRNN(17)
    with torch.no_grad():
        plastic.core.alpha.zero_()
        rnn.w.copy_(plastic.core.w.mul_(30))
    torch.testing.assert_close(rnn(inputs), plastic(inputs))
    inputs[:, :, 3] = torch.nan  # now nothing is ever forgotten
    torch.testing.assert_close(rnn(inputs), plastic(inputs))


def test_only_plasticity_can_tell_what_was_shown_before_the_last_image():
    inputs, _ = small_task().sample(4, generator())
    changed = inputs.clone()
    changed[:3] = -changed[:3]
    rnn, plastic = ClampedRNN(17), ClampedPlastic(17)
    assert rnn(inputs).equal(rnn(changed))
    assert not plastic(inputs).equal(plastic(changed))


def test_plasticity_is_learnt():
    torch.manual_seed(0)
    task = ImageTask(photograph(), 4, 2, Timing(show=5, blank=1, cycles=1, recall=2))
    test = task.sample(200, generator(9), held_out=True)
    draws = generator(1)
    network = ClampedPlastic(17)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(300):
        inputs, targets = task.sample(16, draws)
        optimizer.zero_grad()
        task.loss(network(inputs), targets).backward()
        optimizer.step()
    with torch.no_grad():
        intact = task.errors(network(test.inputs), test.targets).mean()
        network.core.alpha.zero_()
        without = task.errors(network(test.inputs), test.targets).mean()
    guess = hidden_errors(task.mean_image().expand(200, -1), test.targets).mean()
    assert intact < 0.5 * guess
    assert intact < 0.5 * without


# ----------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 12}, r"size must be one of 2, 4, 8, 16, 32, got 12"),
        ({"size": 1}, "size must be one of"),
        ({"size": 64}, "size must be one of"),
        ({"images": 0}, "images must be a whole number above 0, got 0"),
        ({"show": 0}, "show must be"),
        ({"cycles": -1}, "cycles must be"),
        ({"recall": 0}, "recall must be"),
        ({"blank": -1}, "blank must be a whole number from 0 on, got -1"),
        ({"networks": ("lstm",)}, "unknown network 'lstm' for images; accepted: plastic, rnn"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ImagesExperiment(**settings).check()


def test_the_experiment_makes_its_task_and_its_networks():
    experiment = ImagesExperiment(size=8, images=2, show=1, blank=0, cycles=1, recall=1)
    experiment.check()
    inputs, _ = experiment.task().sample(3, generator(), held_out=True)
    assert inputs.shape == (3, 3, 65)
    for name in experiment.known_networks:
        assert experiment.network(name)(inputs).shape == (3, 64)
