"""Scores how hard images are to a network, given their labels."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader

from mmrs.errors import InputError

__all__ = ['image_losses', 'ranks', 'score_images']


@torch.no_grad()
def score_images(model: BaseModel, loader: DataLoader) -> dict[str, float]:
    """Compute the loss of every image against its given labels.

    A network that has not learnt the wrong labels by heart, such as one
    after a few epochs, has larger losses on images with wrong labels.

    Args:
        model: A segmentor; its mode is kept.
        loader: Gives each image once, as for testing but with labels.

    Returns:
        Cross-entropy by `sample_id`, the mean over the valid pixels of an
        image; 0 where it has none.
    """
    training = model.training
    model.eval()
    losses = {}
    for data in loader:
        samples = model.test_step(data)
        for sample, loss in zip(samples, image_losses(samples)):
            losses[sample.sample_id] = loss
    model.train(training)
    return losses


def image_losses(
    samples: Sequence[BaseDataElement], ignore_index: int = 255
) -> list[float]:
    """Compute the mean cross-entropy of each image.

    Args:
        samples: Have `seg_logits` (classes, H, W), and `gt_sem_seg` of the
            same size.
        ignore_index: Label of pixels that are left out.

    Raises:
        InputError: A sample has no labels.
    """
    losses = []
    for sample in samples:
        if 'gt_sem_seg' not in sample:
            raise InputError(
                f'{sample.get("img_path", "an image")}: has no labels to '
                'score it by; load them in the pipeline of the loader'
            )
        logits = sample.seg_logits.data[None].float()
        labels = sample.gt_sem_seg.data.long().to(logits.device)
        total = F.cross_entropy(
            logits, labels, ignore_index=ignore_index, reduction='sum'
        )
        count = (labels != ignore_index).sum().clamp(min=1)
        losses.append((total / count).item())
    return losses


def ranks(values: Sequence[float]) -> np.ndarray:
    """Turn values into their ranks, from 0 for the smallest to 1.

    Args:
        values: Any; equal ones get the mean of their ranks.
    """
    from scipy.stats import rankdata

    values = np.asarray(values, dtype=np.float64)
    return (rankdata(values) - 1) / max(len(values) - 1, 1)
