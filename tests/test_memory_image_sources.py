import json

import numpy as np
import pytest
import torch

from memory_tasks.experiments import settings_of
from memory_tasks.image_sources import cifar10, photograph, shrunk
from memory_tasks.images import normalised
from memory_tasks.images_experiment import ImagesExperiment
from tests.image_material import colours, generator, noise, write_cifar


def test_shrinking_takes_means_of_squares():
    images = torch.arange(32 * 32).view(1, 32, 32)
    assert shrunk(images, 32).equal(images.float())
    by_hand = torch.nn.functional.avg_pool2d(images.float(), 2)
    torch.testing.assert_close(shrunk(images, 16), by_hand)
    assert shrunk(images.expand(3, 2, 32, 32), 8).shape == (3, 2, 8, 8)


def test_normalised_images_have_mean_zero_and_use_the_range():
    pixels = normalised(noise(20, 0).float())
    assert pixels.shape == (20, 1024)
    torch.testing.assert_close(pixels.mean(1), torch.zeros(20), atol=1e-6, rtol=0)
    torch.testing.assert_close(pixels.abs().amax(1), torch.ones(20))
    assert normalised(torch.full((1, 4, 4), 7.0)).equal(torch.zeros(1, 16))


def test_cifar_is_read_in_grey(tmp_path):
    train, more, test = colours(4, 1), colours(3, 2), colours(5, 3)
    write_cifar(tmp_path, "data_batch_1.bin", train, labels=[0, 3, 9, 1])
    write_cifar(tmp_path, "data_batch_2.bin", more)
    write_cifar(tmp_path, "test_batch.bin", test)
    images = cifar10(tmp_path)
    assert images.train.dtype == images.test.dtype == torch.uint8
    grey = np.tensordot(test, [0.299, 0.587, 0.114], axes=(1, 0))
    assert np.abs(images.test.numpy() - grey).max() < 0.51
    assert images.train.shape == (7, 32, 32)
    last = np.tensordot(more[-1], [0.299, 0.587, 0.114], axes=(0, 0))
    assert np.abs(images.train[-1].numpy() - last).max() < 0.51


def test_cifar_is_found_in_the_folder_that_its_archive_unpacks_to(tmp_path):
    inner = tmp_path / "cifar-10-batches-bin"
    write_cifar(inner, "data_batch_1.bin", colours(4))
    write_cifar(inner, "test_batch.bin", colours(5))
    assert len(cifar10(tmp_path).test) == 5


def test_images_without_contrast_are_left_out(tmp_path):
    images = colours(4)
    images[2] = 80
    write_cifar(tmp_path, "data_batch_1.bin", images)
    write_cifar(tmp_path, "test_batch.bin", colours(2))
    assert len(cifar10(tmp_path).train) == 3


def refusal(folder):
    with pytest.raises(ValueError, match=r"cs\.toronto\.edu/~kriz/cifar\.html") as error:
        ImagesExperiment(data=folder).task()
    return str(error.value)


def test_a_folder_without_cifar_is_refused_with_the_way_to_get_it(tmp_path):
    assert "does not exist" in refusal(tmp_path / "nowhere")
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    assert "is a file, not a folder" in refusal(tmp_path / "cifar-10-binary.tar.gz")
    assert "no data_batch_*.bin" in refusal(tmp_path)
    write_cifar(tmp_path, "data_batch_1.bin", colours(4))
    assert "no test_batch.bin" in refusal(tmp_path)


@pytest.mark.parametrize("inner", [".", "cifar-10-batches-py"])
def test_the_pickled_version_is_never_loaded(tmp_path, inner):
    (tmp_path / inner).mkdir(exist_ok=True)
    (tmp_path / inner / "data_batch_1").write_bytes(b"\x80\x02}.")
    assert "pickle" in refusal(tmp_path)


def test_damaged_files_are_refused_by_name(tmp_path):
    write_cifar(tmp_path, "data_batch_1.bin", colours(4))
    write_cifar(tmp_path, "test_batch.bin", colours(4))
    ImagesExperiment(data=tmp_path).task()
    whole = (tmp_path / "test_batch.bin").read_bytes()
    (tmp_path / "test_batch.bin").write_bytes(whole[:-1])
    assert "test_batch.bin is truncated" in refusal(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(b"")
    assert "test_batch.bin is empty" in refusal(tmp_path)
    write_cifar(tmp_path, "test_batch.bin", colours(4), labels=[0, 1, 77, 2])
    with pytest.raises(ValueError, match="not CIFAR-10: it has the class 77"):
        ImagesExperiment(data=tmp_path).task()


def test_patches_of_the_photograph_have_contrast_and_the_test_has_its_own():
    images = photograph()
    for pool in images:
        assert pool.dtype == torch.uint8
        assert pool.shape[1:] == (32, 32)
        assert len(pool) > 500
        assert pool.float().std((1, 2)).min() > 19
    half = len(images.train) // 2
    assert images.train[half:].equal(images.train[:half].flip(-1))
    columns = {bytes(column.tolist()) for image in images.train for column in image.t()}
    shared = [bytes(column.tolist()) in columns for image in images.test for column in image.t()]
    assert not any(shared)


def test_the_source_follows_from_the_data_and_is_kept_without_its_path(tmp_path):
    write_cifar(tmp_path, "data_batch_1.bin", colours(4))
    write_cifar(tmp_path, "test_batch.bin", colours(5))
    assert ImagesExperiment().source == "photograph"
    experiment = ImagesExperiment(data=tmp_path)
    experiment.check()
    assert len(experiment.task().sample(2, generator()).targets) == 2
    settings = settings_of(experiment)
    assert settings["source"] == "cifar10"
    assert str(tmp_path) not in json.dumps(settings)


def test_a_source_that_does_not_fit_the_data_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"source cifar10 needs --data\. CIFAR-10 comes from"):
        ImagesExperiment(source="cifar10").task()
    with pytest.raises(ValueError, match="source photograph uses no data from disk, but --data is"):
        ImagesExperiment(source="photograph", data=tmp_path).check()
