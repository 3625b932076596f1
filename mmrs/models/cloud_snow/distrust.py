"""Tells which labels of noisy images to believe: the rule of each pixel.

The rule is ours; arXiv 2401.08932 says only that noisy images are let in
progressively.
"""

import torch
from torch import Tensor

__all__ = ['PixelWeights', 'distrust_weights', 'distrusted', 'mean_one']


def distrusted(probs: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Find labels that the teacher contradicts and is sure of it.

    Args:
        probs: The teacher's probabilities (B, classes, H, W).
        labels: The given classes (B, H, W).
        threshold: Least probability of the teacher's class.

    Returns:
        bool (B, H, W).
    """
    confidence, classes = probs.max(1)
    return (classes != labels) & (confidence >= threshold)


def distrust_weights(
    probs: Tensor,
    labels: Tensor,
    noisy: Tensor,
    ramp: float,
    threshold: float = 0.9,
    sure_weight: float = 0.0,
    min_weight: float = 0.3,
) -> Tensor:
    """Weigh the pixels of a batch.

    Pixels of clean images have weight 1, and so have those of noisy images
    where the teacher agrees with the label. Where it contradicts, the weight
    is `sure_weight` if its probability reaches `threshold`, and otherwise
    falls from 1 to `min_weight` with the ramp.

    Args:
        probs: The teacher's probabilities (B, classes, H, W).
        labels: The given classes (B, H, W).
        noisy: Whether an image is of the noisy subset (B,), bool.
        ramp: 0 to 1, how much the teacher's doubts count.
        threshold: Probability of a sure teacher.
        sure_weight: Weight that a sure teacher leaves.
        min_weight: Weight that an unsure teacher leaves in the end.

    Returns:
        (B, H, W) float32.
    """
    noisy = noisy[:, None, None]
    doubted = (probs.argmax(1) != labels) & noisy
    sure = distrusted(probs, labels, threshold) & noisy
    weights = torch.ones_like(labels, dtype=torch.float32)
    weights[doubted] = 1 - (1 - min_weight) * ramp
    weights[sure] = sure_weight
    return weights


def mean_one(weights: Tensor, valid: Tensor) -> Tensor:
    """Scale weights to the mean 1 over the valid pixels of a batch.

    The losses divide by the number of pixels: without this, dropping pixels
    would lower the learning rate.

    Args:
        weights: (B, H, W).
        valid: Pixels that are not ignored (B, H, W), bool.
    """
    total = (weights * valid).sum()
    return weights * (valid.sum() / total.clamp(min=1e-6))


class PixelWeights:
    """Brings weights of pixels into the loss of a decode head.

    mmsegmentation's heads ask their `sampler` for them, which does not know
    the images: whoever does sets :attr:`weights` before the head's loss.
    """

    def __init__(self) -> None:
        self.weights: Tensor | None = None

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor | None:
        """Give the head its weights.

        Args:
            seg_logit: Of the head; not used.
            seg_label: Likewise.
        """
        return self.weights
