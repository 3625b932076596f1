"""ADELE, the strong peer: corrects labels once the network is to learn noise.

Adaptive Early-Learning Correction for Segmentation from Noisy Annotations
(CVPR 2022, arXiv 2110.03740).
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from mmrs.registry import MODELS

from .noisy_label_segmentor import replace_labels
from .wrapper import SegmentorWrapper, stack_labels

__all__ = ['AdeleSegmentor', 'has_slowed']

# Periods looked at: a class that has not slowed down by then will not.
MAX_NOTES = 500


@MODELS.register_module()
class AdeleSegmentor(SegmentorWrapper):
    """Correct the labels of each class when its learning slows down.

    Every `period` iterations the IoU of each class between predictions and
    given labels is noted. A curve a (1 - exp(-t^b / c)) is fitted to the
    notes; when its slope has fallen by more than `slowdown` of that at t = 1,
    the early learning of the class is over, and from then on pixels that the
    network is sure to be of this class are taught as such. The prediction is
    the mean over several scales, which a further loss makes agree.

    As in the paper: the curve and its rule for each class, the threshold, the
    scales, the mean prediction, and the consistency of scales as their
    Jensen-Shannon divergence where that mean is sure. Differs from the
    authors' code: they keep a corrected copy of the labels of the whole
    training set, renewed once; here labels are corrected in each batch from
    the prediction of the moment, which needs no copy and fits any crops. And
    a period is a number of iterations instead of an epoch.

    Args:
        segmentor: As of :class:`SegmentorWrapper`.
        period: Iterations between two notes; best those of an epoch.
        slowdown: Share of the slope that must be lost, the paper's r.
        threshold: Probability from which a prediction corrects a label: 0.8
            for PASCAL VOC in the paper, 0.7 for SegTHOR.
        scales: Of the images, for training.
        consistency_weight: Factor of the divergence.
        consistency_threshold: Probability of the mean from which it counts.
        size_divisor: Scaled sizes are rounded to multiples of it, in pixels.
        data_preprocessor: As of `mmengine.BaseModel`.
        init_cfg: Likewise.
    """

    def __init__(
        self,
        segmentor: dict,
        period: int,
        slowdown: float = 0.9,
        threshold: float = 0.8,
        scales: Sequence[float] = (0.7, 1.0, 1.5),
        consistency_weight: float = 1.0,
        consistency_threshold: float = 0.8,
        size_divisor: int = 16,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(segmentor, data_preprocessor, init_cfg)
        self.period = period
        self.slowdown = slowdown
        self.threshold = threshold
        self.scales = tuple(scales)
        self.consistency_weight = consistency_weight
        self.consistency_threshold = consistency_threshold
        self.size_divisor = size_divisor
        classes = self.num_classes
        # Buffers, so that a run goes on from a checkpoint as it would have.
        self.register_buffer('iteration', torch.zeros((), dtype=torch.long))
        self.register_buffer('overlap', torch.zeros(2, classes))
        self.register_buffer('notes', torch.zeros(MAX_NOTES, classes))
        self.register_buffer('corrects', torch.zeros(classes, dtype=bool))

    def loss(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample]
    ) -> dict[str, Tensor]:
        """Compute the losses, the mean over scales, against corrected labels.

        Args:
            inputs: (B, C, H, W).
            data_samples: Have `gt_sem_seg`.

        Returns:
            The segmentor's losses and ``loss_consistency``. Not learnt from:
            ``corrected_ratio``, the share of the batch's pixels whose label
            is another one now.
        """
        labels = stack_labels(data_samples)
        valid = labels != self.decode_head.ignore_index
        features, logits = self._see(inputs)
        probs = [
            self._resize(one.float(), labels.shape[1:]).softmax(1)
            for one in logits
        ]
        mean = torch.stack(probs).mean(0)
        with torch.no_grad():
            confidence, classes = mean.max(1)
            self._note(classes, labels, valid)
            change = self.corrects[classes] & (confidence > self.threshold)
            change &= valid & (classes != labels)
            samples = replace_labels(
                data_samples, torch.where(change, classes, labels)
            )
        losses = self._losses(features, logits, samples)
        sure = valid & (confidence > self.consistency_threshold)
        losses['loss_consistency'] = self.consistency_weight * _divergence(
            probs, mean, sure
        )
        losses['corrected_ratio'] = change.sum() / valid.sum().clamp(min=1)
        return losses

    def _see(self, inputs: Tensor) -> tuple[list, list[Tensor]]:
        """Compute features and class scores at each scale."""
        features, logits = [], []
        for scale in self.scales:
            size = [self._scaled(side, scale) for side in inputs.shape[2:]]
            features.append(self.extract_feat(self._resize(inputs, size)))
            logits.append(self.decode_head(features[-1]))
        return features, logits

    def _scaled(self, side: int, scale: float) -> int:
        if scale == 1:
            return side
        steps = max(round(side * scale / self.size_divisor), 1)
        return steps * self.size_divisor

    def _resize(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        if tuple(size) == tuple(maps.shape[2:]):
            return maps
        return resize(
            maps, size, mode='bilinear', align_corners=self.align_corners
        )

    def _losses(
        self,
        features: Sequence,
        logits: Sequence[Tensor],
        samples: Sequence[SegDataSample],
    ) -> dict[str, Tensor]:
        """Compute the heads' losses, the mean over scales."""
        _, *auxiliary = self.heads()
        total = {}
        for maps, one in zip(features, logits):
            losses = add_prefix(
                self.decode_head.loss_by_feat(one, samples), 'decode'
            )
            for i, head in enumerate(auxiliary):
                losses |= add_prefix(
                    head.loss_by_feat(head(maps), samples), f'aux_{i}'
                )
            for name, value in losses.items():
                total[name] = total.get(name, 0) + value / len(self.scales)
        return total

    def _note(self, classes: Tensor, labels: Tensor, valid: Tensor) -> None:
        """Count a batch; at the end of a period, judge the learning.

        Args:
            classes: Predicted (B, H, W).
            labels: Given (B, H, W).
            valid: Labels that are not ignored (B, H, W).
        """
        shown = F.one_hot(classes[valid], self.num_classes).bool()
        given = F.one_hot(labels[valid], self.num_classes).bool()
        self.overlap[0] += (shown & given).sum(0)
        self.overlap[1] += (shown | given).sum(0)
        self.iteration += 1
        count, rest = divmod(self.iteration.item(), self.period)
        if rest or count > MAX_NOTES:
            return
        all_reduce(self.overlap)
        common, either = self.overlap
        self.notes[count - 1] = common / either.clamp(min=1)
        self.overlap.zero_()
        for i, curve in enumerate(self.notes[:count].T.tolist()):
            self.corrects[i] |= has_slowed(curve, self.slowdown)


def has_slowed(curve: Sequence[float], slowdown: float = 0.9) -> bool:
    """Tell whether the early learning of a class is over.

    Args:
        curve: IoU at t = 1, 2, ..., 0 to 1.
        slowdown: The slope of the fitted curve has fallen by more than this
            share of that at t = 1.

    Returns:
        False also for fewer than four points, and where no curve fits.
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    if len(curve) < 4:
        return False
    times = np.arange(1, len(curve) + 1, dtype=float)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', OptimizeWarning)
            (a, b, c), _ = curve_fit(
                _learning,
                times,
                curve,
                p0=(1, 1, 1),
                bounds=([0, 1e-3, 1e-3], [1, 10, np.inf]),
            )
    except RuntimeError:  # no convergence
        return False
    first, last = _slope(np.array([1.0, times[-1]]), a, b, c)
    return bool(first > 0 and 1 - last / first > slowdown)


def _learning(t: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    return a * (1 - np.exp(-(t**b) / c))


def _slope(t: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    return a * b / c * t ** (b - 1) * np.exp(-(t**b) / c)


def _divergence(probs: Sequence[Tensor], mean: Tensor, sure: Tensor) -> Tensor:
    """Jensen-Shannon divergence of predictions, the mean over sure pixels.

    Args:
        probs: One a scale, (B, classes, H, W) each.
        mean: Their mean.
        sure: Pixels that count (B, H, W), bool.
    """
    log_mean = mean.clamp(min=1e-8).log()
    divergence = sum(
        (p * (p.clamp(min=1e-8).log() - log_mean)).sum(1) for p in probs
    ) / len(probs)
    return (divergence * sure).sum() / sure.sum().clamp(min=1)
