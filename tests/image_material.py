"""Small images and tasks for the tests of the image task."""

import numpy as np
import torch

from memory_tasks.image_sources import GreyImages
from memory_tasks.images import ImageTask, Timing

TIMING = Timing(show=3, blank=2, cycles=2, recall=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(count, seed):
    return torch.randint(256, (count, 32, 32), generator=generator(seed), dtype=torch.uint8)


def small_task(size=4, images=3, pools=(9, 5), timing=TIMING):
    return ImageTask(GreyImages(noise(pools[0], 1), noise(pools[1], 2)), size, images, timing)


def write_cifar(folder, name, colours, labels=None):
    folder.mkdir(exist_ok=True)
    labels = np.zeros(len(colours), dtype=np.uint8) if labels is None else np.array(labels, dtype=np.uint8)
    records = np.concatenate([labels[:, None], np.asarray(colours, dtype=np.uint8).reshape(-1, 3072)], axis=1)
    (folder / name).write_bytes(records.tobytes())


def colours(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(count, 3, 32, 32), dtype=np.uint8)
