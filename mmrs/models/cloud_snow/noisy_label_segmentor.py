"""Trains a segmentor on labels that a teacher may distrust."""

from collections.abc import Sequence

import torch
from mmengine.model import MomentumAnnealingEMA
from mmengine.structures import PixelData
from mmseg.models import BaseSegmentor
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor

from mmrs.errors import InputError
from mmrs.registry import MODELS

from .distrust import PixelWeights, distrust_weights, distrusted, mean_one
from .wrapper import SegmentorWrapper, stack_labels

__all__ = ['NoisyLabelSegmentor']


@MODELS.register_module()
class NoisyLabelSegmentor(SegmentorWrapper):
    """Weigh each pixel of noisy images by what a teacher thinks of its label.

    The teacher is the running mean of the segmentor's weights. Until
    `warmup` of the training is over, all pixels have weight 1; then
    :func:`.distrust.distrust_weights` tells the weights of the pixels of
    noisy images, with a ramp that rises from 0 to 1 until `full`. All heads,
    the auxiliary ones too, get the same weights, of mean 1 over the valid
    pixels of a batch. The losses of the heads should divide by the number of
    valid pixels (`avg_non_ignore=True` of mmsegmentation's cross-entropy).

    With `refine`, labels become the teacher's class from `full` on where a
    sure teacher contradicts them in each of three views: the image as it is,
    mirrored left to right, and top to bottom. A memory of earlier visits is
    not needed, so that it is exact for any crops, on any number of processes
    and after resuming.

    :class:`CurriculumHook` keeps the progress and the teacher up to date.
    The rule and its numbers are ours (docs/cloud_snow.md).

    Args:
        segmentor: As of :class:`SegmentorWrapper`.
        threshold: Probability from which the teacher is sure.
        sure_weight: Weight of a pixel whose label a sure teacher contradicts.
        min_weight: Weight that an unsure teacher's contradiction leaves, in
            the end.
        warmup: Share of the training until which labels are not doubted.
        full: Share of the training from which the ramp is 1.
        refine: Replace labels, too.
        momentum: Of the teacher: its weights move by so much towards the
            segmentor's at each step, and faster at first (9 / (9 + step)).
        predict_by: ``'student'`` or ``'teacher'``.
        data_preprocessor: As of `mmengine.BaseModel`.
        init_cfg: Likewise.

    Raises:
        InputError: A head has a pixel sampler of its own, or an argument is
            out of range.
    """

    def __init__(
        self,
        segmentor: dict,
        threshold: float = 0.9,
        sure_weight: float = 0.0,
        min_weight: float = 0.3,
        warmup: float = 0.25,
        full: float = 0.75,
        refine: bool = False,
        momentum: float = 0.001,
        predict_by: str = 'student',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(segmentor, data_preprocessor, init_cfg)
        if predict_by not in ('student', 'teacher'):
            raise InputError(
                "model.predict_by must be 'student' or 'teacher', not "
                f'{predict_by!r}'
            )
        if not 0 <= warmup <= full <= 1:
            raise InputError(
                'model: 0 <= warmup <= full <= 1 must hold, but warmup is '
                f'{warmup} and full is {full}'
            )
        self.teacher = MomentumAnnealingEMA(
            self.segmentor, momentum=momentum, gamma=9
        )
        self.teacher.eval()
        self.threshold = threshold
        self.sure_weight = sure_weight
        self.min_weight = min_weight
        self.warmup = warmup
        self.full = full
        self.refine = refine
        self.predict_by = predict_by
        self.progress: float | None = None
        self._weights = PixelWeights()
        for head in self.heads():
            if head.sampler is not None:
                raise InputError(
                    f'{type(head).__name__}: its `sampler` chooses pixels, '
                    'which NoisyLabelSegmentor does; remove it'
                )
            head.sampler = self._weights

    @property
    def network(self) -> BaseSegmentor:
        """The segmentor that predicts."""
        by_teacher = self.predict_by == 'teacher'
        return self.teacher.module if by_teacher else self.segmentor

    @property
    def ramp(self) -> float:
        """How much the teacher's doubts count, 0 to 1."""
        if self.progress < self.full:
            passed = (self.progress - self.warmup) / (self.full - self.warmup)
            return max(passed, 0.0)
        return 1.0

    def train(self, mode: bool = True) -> 'NoisyLabelSegmentor':
        """Switch the segmentor's mode; the teacher only ever evaluates."""
        super().train(mode)
        self.teacher.eval()
        return self

    def set_progress(self, progress: float) -> None:
        """Say how much of the training is over.

        Args:
            progress: 0 to 1.
        """
        self.progress = progress

    def update_teacher(self) -> None:
        """Move the teacher towards the segmentor, after a training step."""
        self.teacher.update_parameters(self.segmentor)

    def loss(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample]
    ) -> dict[str, Tensor]:
        """Compute the losses of all heads, their pixels weighted.

        Args:
            inputs: (B, C, H, W).
            data_samples: Have `gt_sem_seg` and `subset` (``'clean'`` or
                ``'noisy'``); where all have `gt_true_seg_map`, the log tells
                how good the distrust is.

        Returns:
            The segmentor's losses. Not learnt from: ``noisy_fraction`` of
            the batch's images, ``trusted_ratio``, the mean weight of noisy
            images' pixels, and with true labels ``distrust_precision`` and
            ``distrust_recall`` of pixels with wrong labels, all 0 to 1.

        Raises:
            InputError: A sample has no subset or no labels, or nothing tells
                the progress.
        """
        noisy = self._read_subsets(data_samples).to(inputs.device)
        logs = dict(noisy_fraction=noisy.float().mean())
        self._weights.weights = None
        if self._doubts() and noisy.any():
            labels = stack_labels(data_samples)
            probs = self._teach(inputs, labels.shape[1:])
            logs |= self._weigh(probs, labels, noisy, data_samples)
            if self.refine and self.progress >= self.full:
                labels = self._refine(inputs, probs, labels, noisy)
                data_samples = replace_labels(data_samples, labels)
            valid = labels != self.decode_head.ignore_index
            self._weights.weights = mean_one(self._weights.weights, valid)
        return self.segmentor.loss(inputs, data_samples) | logs

    def _doubts(self) -> bool:
        if self.progress is None:
            raise InputError(
                'NoisyLabelSegmentor was not told how much of the training '
                "is over; add dict(type='CurriculumHook') to custom_hooks"
            )
        # A teacher that was never updated knows nothing.
        return self.progress >= self.warmup and self.teacher.steps > 0

    @staticmethod
    def _read_subsets(samples: Sequence[SegDataSample]) -> Tensor:
        for sample in samples:
            if sample.get('subset') not in ('clean', 'noisy'):
                raise InputError(
                    f'{sample.get("img_path", "an image")}: has no subset; '
                    "name 'subset' in the meta_keys of the transform that "
                    'packs the inputs'
                )
        return torch.tensor([s.subset == 'noisy' for s in samples])

    @torch.no_grad()
    def _teach(self, inputs: Tensor, size: Sequence[int]) -> Tensor:
        """Compute the teacher's probabilities (B, classes, H, W)."""
        logits = resize(
            self.teacher.module._forward(inputs).float(),
            size,
            mode='bilinear',
            align_corners=self.align_corners,
        )
        if logits.shape[1] == 1:
            positive = logits.sigmoid()
            return torch.cat([1 - positive, positive], dim=1)
        return logits.softmax(1)

    def _weigh(
        self,
        probs: Tensor,
        labels: Tensor,
        noisy: Tensor,
        samples: Sequence[SegDataSample],
    ) -> dict[str, Tensor]:
        """Set the weights of the batch's pixels, and say what they are."""
        weights = distrust_weights(
            probs,
            labels,
            noisy,
            self.ramp,
            self.threshold,
            self.sure_weight,
            self.min_weight,
        )
        self._weights.weights = weights
        valid = labels != self.decode_head.ignore_index
        judged = valid & noisy[:, None, None]
        count = judged.sum().clamp(min=1)
        logs = dict(trusted_ratio=(weights * judged).sum() / count)
        if all('gt_true_seg_map' in sample for sample in samples):
            wrong = stack_labels(samples, 'gt_true_seg_map') != labels
            found = distrusted(probs, labels, self.threshold)
            logs |= _score(found[judged], wrong[judged])
        return logs

    def _refine(
        self, inputs: Tensor, probs: Tensor, labels: Tensor, noisy: Tensor
    ) -> Tensor:
        """Replace labels that the teacher contradicts in all views.

        The pixels get the weight 1: as far as the teacher can tell, their
        labels are right now.
        """
        classes = probs.argmax(1)
        change = distrusted(probs, labels, self.threshold)
        change &= noisy[:, None, None]
        change &= labels != self.decode_head.ignore_index
        for dim in (3, 2):
            view = self._teach(inputs.flip(dim), labels.shape[1:]).flip(dim)
            change &= distrusted(view, labels, self.threshold)
            change &= view.argmax(1) == classes
        self._weights.weights[change] = 1.0
        return torch.where(change, classes, labels)


def replace_labels(
    samples: Sequence[SegDataSample], labels: Tensor
) -> list[SegDataSample]:
    """Copy samples with other labels (B, H, W)."""
    copies = []
    for sample, one in zip(samples, labels):
        copy = sample.new()
        copy.gt_sem_seg = PixelData(data=one[None])
        copies.append(copy)
    return copies


def _score(found: Tensor, wrong: Tensor) -> dict[str, Tensor]:
    """Precision and recall of found wrong labels, 0 where undefined."""
    right = (found & wrong).sum()
    return dict(
        distrust_precision=right / found.sum().clamp(min=1),
        distrust_recall=right / wrong.sum().clamp(min=1),
    )
