import numpy as np
import pytest
import torch

from memory_tasks.omniglot import OmniglotTask
from memory_tasks.omniglot_data import ARCHIVES, SIDE, TEST_CHARACTERS, Characters, read_characters
from memory_tasks.omniglot_experiment import OmniglotExperiment
from memory_tasks.omniglot_network import FEATURES, OmniglotNetwork
from tests.omniglot_material import characters, drawing, generator, make_archives, png, who, write_archive

PIXELS = SIDE * SIDE


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    return make_archives(tmp_path_factory.mktemp("omniglot"))


# ---------------------------------------------------------------------------------------------- episodes


@pytest.mark.parametrize(("ways", "shots", "queries"), [(5, 1, 5), (5, 1, 1), (3, 2, 7), (2, 3, 1)])
def test_an_episode_shows_each_drawing_once_and_asks_for_others_of_the_same_characters(ways, shots, queries):
    task = OmniglotTask(characters(), ways, shots, queries)
    inputs, targets = task.sample(40, generator())
    shown = ways * shots
    assert inputs.shape == (shown + queries, 40, PIXELS + ways)
    assert targets.shape == (40, queries)
    character, nth = who(inputs)
    label = inputs[:shown, :, PIXELS:].argmax(2)
    assert (inputs[:shown, :, PIXELS:].sum(2) == 1).all()
    assert (inputs[shown:, :, PIXELS:] == 0).all()
    for b in range(40):
        drawings = list(zip(character[:, b].tolist(), nth[:, b].tolist(), strict=True))
        assert len(set(drawings)) == len(drawings)
        of_label = {(int(n), int(c)) for n, c in zip(label[:, b], character[:shown, b], strict=True)}
        assert len(of_label) == ways == len({c for _, c in of_label})  # one character a label, one label each
        assert all(
            (int(n), int(c)) in of_label for n, c in zip(targets[b], character[shown:, b], strict=True)
        )
        assert (torch.bincount(label[:, b]) == shots).all()
        assert targets[b][:ways].unique().numel() == min(ways, queries)


def test_pixels_are_ink_from_0_to_1():
    drawn = Characters(*(torch.full((4, 2, SIDE, SIDE), value, dtype=torch.uint8) for value in (255, 51)))
    task = OmniglotTask(drawn, 2, 1, 1)
    assert (task.sample(3, generator()).inputs[..., :PIXELS] == 1).all()
    assert (task.sample(3, generator(), held_out=True).inputs[..., :PIXELS] == 0.2).all()


def test_order_and_labels_are_random_and_repeat_with_the_generator():
    task = OmniglotTask(characters(), 3, 1, 3)
    inputs, targets = task.sample(600, generator())
    again = task.sample(600, generator())
    assert torch.equal(inputs, again.inputs)
    assert torch.equal(targets, again.targets)
    character, nth = who(inputs)
    label = inputs[:3, :, PIXELS:].argmax(2)
    for values, kinds in ((label[0], 3), (targets[:, 0], 3), (character[0], 30), (nth[0], 6)):
        assert torch.bincount(values, minlength=kinds).min() > 0.4 * 600 / kinds
    low = character[:3] < 15  # a label says nothing of the character
    assert 0.4 < low[label == 0].float().mean() < 0.6


def test_the_test_is_of_other_characters_and_says_which():
    drawn = characters()
    drawn = Characters(drawn.train, drawn.test + 0)
    drawn.test[..., 0, 0] += 100
    task = OmniglotTask(drawn, 3, 2, 4)
    (inputs, targets), named = task.sample_with_classes(20, generator(), held_out=True)
    assert (who(inputs)[0] >= 100).all()
    assert (who(task.sample(20, generator()).inputs)[0] < 100).all()
    assert torch.equal(named.gather(1, targets), who(inputs)[0][6:].T - 100)


def test_loss_and_errors():
    task = OmniglotTask(characters(), 2, 1, 2)
    answers = torch.tensor([[[3.0, 0.0], [0.0, 3.0]], [[0.0, 1.0], [0.0, 1.0]]])
    targets = torch.tensor([[0, 1], [0, 1]])
    assert task.errors(answers, targets).tolist() == [0.0, 0.5]
    terms = [np.log1p(np.exp(-3)), np.log1p(np.exp(-3)), np.log1p(np.exp(1)), np.log1p(np.exp(-1))]
    assert task.loss(answers, targets).item() == pytest.approx(np.mean(terms))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ((13, 1, 1), "ways must be at most 12, the characters to test with, got 13"),
        ((31, 1, 1), "ways must be at most 30, the characters to train with, got 31"),
        ((5, 6, 1), "shots 6 and --queries 1 needs 7 drawings of a character, but there are 6"),
        ((5, 5, 6), "shots 5 and --queries 6 needs 7 drawings of a character, but there are 6"),
    ],
)
def test_too_few_characters_or_drawings_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        OmniglotTask(characters(), *setting)


# ----------------------------------------------------------------------------------------------- network


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("queries", [1, 4])
def test_the_plastic_layer_does_what_the_paper_says(shared, queries):
    torch.manual_seed(0)
    ways, shots = 3, 2
    network = OmniglotNetwork(ways, ways * shots, shared)
    network.eta.data.fill_(0.3)
    for weights in (network.w, network.alpha):
        torch.nn.init.uniform_(weights, -1, 1)
    inputs, _ = OmniglotTask(characters(), ways, shots, queries).sample(4, generator())
    answers = network(inputs)
    assert answers.shape == (4, queries, ways)
    w, alpha, eta = (p.detach().double() for p in (network.w, network.alpha, network.eta))
    for b in range(4):
        hebb = torch.zeros(FEATURES, ways, dtype=torch.float64)
        for t, x in enumerate(inputs[:, b]):
            f = features(network, x[:PIXELS].view(1, SIDE, SIDE)).double()
            sums = f @ (w + alpha * hebb)
            if t < ways * shots:
                post = torch.softmax(sums + 1000 * x[PIXELS:].double(), dim=0)
                hebb = hebb + eta * post[None] * (f[:, None] - hebb * post[None])
            else:
                torch.testing.assert_close(answers[b, t - ways * shots].double(), sums, atol=1e-5, rtol=1e-4)


def features(network, image):
    """By PyTorch's own convolutions, one after the other."""
    x = image.unsqueeze(0)
    sizes = []
    for layer in network.features.layers:
        x = torch.tanh(torch.nn.functional.conv2d(x, layer.weight, layer.bias, stride=2))
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(64, 15, 15), (64, 7, 7), (64, 3, 3), (64, 1, 1)]
    return x.flatten().detach()


def test_queries_do_not_disturb_each_other():
    torch.manual_seed(0)
    network = OmniglotNetwork(3, 3, False)
    inputs, _ = OmniglotTask(characters(), 3, 1, 3).sample(5, generator())
    alone = torch.cat([network(inputs[[0, 1, 2, 3 + q]]) for q in range(3)], dim=1)
    torch.testing.assert_close(network(inputs), alone)


def test_gradients_reach_all_that_is_trained():
    torch.manual_seed(0)
    task = OmniglotTask(characters(), 3, 1, 3)
    inputs, targets = task.sample(8, generator())
    for shared, count in ((False, 2 * FEATURES * 3), (True, FEATURES * 3 + 1)):
        network = OmniglotNetwork(3, 3, shared)
        task.loss(network(inputs), targets).backward()
        assert all(p.grad.abs().max() > 0 for p in network.parameters())
        convolutions = 64 * 10 + 3 * (64 * 576 + 64)
        assert sum(p.numel() for p in network.parameters()) == convolutions + count + 1


def test_many_drawings_in_parts_give_the_same_as_each_alone():
    torch.manual_seed(0)
    network = OmniglotNetwork(2, 2, False)
    drawings = torch.rand(170, PIXELS)
    alone = torch.stack([features(network, x.view(1, SIDE, SIDE)) for x in drawings])
    torch.testing.assert_close(network.features(drawings), alone, atol=1e-5, rtol=1e-4)


def test_it_learns_to_tell_drawings_apart():
    torch.manual_seed(0)
    base = torch.randint(2, (40, 1, SIDE, SIDE), generator=generator(3)) * 200
    noise = torch.randint(56, (40, 4, SIDE, SIDE), generator=generator(4))
    drawn = (base + noise).to(torch.uint8)
    task = OmniglotTask(Characters(drawn[:28], drawn[28:]), 3, 1, 3)
    network = OmniglotNetwork(3, 3, False)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    episodes = generator(5)
    for _ in range(40):
        inputs, targets = task.sample(16, episodes)
        optimizer.zero_grad()
        task.loss(network(inputs), targets).backward()
        optimizer.step()
    with torch.no_grad():
        inputs, targets = task.sample(200, episodes, held_out=True)
        assert task.errors(network(inputs), targets).mean() < 0.1


# -------------------------------------------------------------------------------------------------- data


def test_archives_are_read_scaled_and_parted(archives):
    drawn = read_characters(archives)
    assert drawn.test.shape == (TEST_CHARACTERS, 3, SIDE, SIDE)
    assert drawn.train.shape == (4 * 6, 3, SIDE, SIDE)
    assert drawn.train.dtype == drawn.test.dtype == torch.uint8
    upright = drawn.train[:6]
    for turn in range(1, 4):
        turned = torch.tensor(np.rot90(upright.numpy(), turn, (2, 3)).copy())
        assert torch.equal(drawn.train[6 * turn : 6 * (turn + 1)], turned)
    everyone = {image.numpy().tobytes() for image in torch.cat([upright, drawn.test])[:, 0]}
    assert len(everyone) == 106  # none is in both
    # Paper is 0, ink is what it covers of a pixel: the lines are 4 of 105 pixels wide.
    assert drawn.test.min() == 0
    assert drawn.test.float().mean().item() / 255 == pytest.approx(1 - (1 - 4 / 105) ** 2, rel=0.1)


def test_the_split_is_always_the_same_wherever_the_archives_are(archives):
    first = read_characters(archives)
    inner = archives.parent / "data"
    inner.mkdir(exist_ok=True)
    if not (inner / "omniglot").exists():
        (inner / "omniglot").symlink_to(archives)
    second = read_characters(inner)
    assert torch.equal(first.train, second.train)
    assert torch.equal(first.test, second.test)


def test_missing_archives_are_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"no images_background.zip and no images_evaluation.zip in .*brendenlake"
    ):
        read_characters(tmp_path)
    write_archive(tmp_path, ARCHIVES[0], 1)
    with pytest.raises(ValueError, match=r"there is no images_evaluation.zip in .* download"):
        read_characters(tmp_path)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            {"images_evaluation/S/character999/1.png": png(np.ones((9, 9)), (28, 28))},
            "28 x 28 pixels; .*105 x 105",
        ),
        (
            {"images_evaluation/S/character999/1.png": b"GIF89a"},
            "character999/1.png is damaged, or not a PNG",
        ),
        ({"images_evaluation/S/character999/1.png": drawing(1)[:60]}, "character999/1.png is damaged"),
        (
            {"images_evaluation/S/character999/1.png": drawing(1)},
            "not complete: .*character999 has 1 drawings",
        ),
    ],
)
def test_wrong_drawings_are_refused(archives, tmp_path, extra, message):
    write_archive(tmp_path, ARCHIVES[0], 2)
    write_archive(tmp_path, ARCHIVES[1], 2, extra=extra)
    with pytest.raises(ValueError, match=message):
        read_characters(tmp_path)


def test_damaged_and_foreign_archives_are_refused(archives, tmp_path):
    whole = (archives / ARCHIVES[0]).read_bytes()
    (tmp_path / ARCHIVES[1]).write_bytes((archives / ARCHIVES[1]).read_bytes())
    for damaged in (whole[: len(whole) // 2], b"", b"<html>not found</html>"):
        (tmp_path / ARCHIVES[0]).write_bytes(damaged)
        with pytest.raises(ValueError, match=r"images_background.zip is damaged, or not a zip archive"):
            read_characters(tmp_path)
    broken = bytearray(whole)
    broken[whole.index(b"IDAT") + 8] ^= 255
    (tmp_path / ARCHIVES[0]).write_bytes(broken)
    with pytest.raises(ValueError, match=r"images_background.zip is damaged"):
        read_characters(tmp_path)
    (tmp_path / ARCHIVES[0]).write_bytes((archives / ARCHIVES[1]).read_bytes())
    with pytest.raises(ValueError, match=r"images_background.zip holds no drawings"):
        read_characters(tmp_path)


def test_too_few_characters_for_a_test_are_refused(tmp_path):
    for name in ARCHIVES:
        write_archive(tmp_path, name, 50, drawn=1)
    with pytest.raises(ValueError, match="hold 100 characters, but 100 are needed"):
        read_characters(tmp_path)


# -------------------------------------------------------------------------------------------- experiment


def test_settings_reach_task_and_network(archives):
    experiment = OmniglotExperiment(ways=4, shots=2, data=archives)
    experiment.check()
    task, network = experiment.task(), experiment.network("plastic")
    inputs, targets = task.sample(2, generator())
    assert targets.shape == (2, 4)
    assert network(inputs).shape == (2, 4, 4)
    assert network.alpha.shape == (FEATURES, 4)
    assert OmniglotExperiment(shared_alpha=True).network("plastic").alpha.shape == ()
    assert OmniglotExperiment(queries=1, data=archives).task().queries == 1
    assert [experiment.rate_factor(part) for part in (0, 0.5, 1)] == [1, 0.5, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ways": 1}, "ways must be a whole number from 2 on, got 1"),
        ({"shots": 0}, "shots must be a whole number above 0, got 0"),
        ({"queries": 0}, "queries must be a whole number above 0, got 0"),
        ({"networks": ("lstm",)}, "unknown network 'lstm' for omniglot; accepted: plastic"),
    ],
)
def test_wrong_settings_are_refused(archives, wrong, message):
    with pytest.raises(ValueError, match=message):
        OmniglotExperiment(data=archives, **wrong).check()


def test_missing_data_is_said_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"there is no images_background.zip"):
        OmniglotExperiment(data=tmp_path).task()
