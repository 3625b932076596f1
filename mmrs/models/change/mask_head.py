"""What the heads that draw change masks share: the loss."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmrs.errors import InputError
from mmrs.structures import ChangeDataSample


class MaskHead(BaseModule):
    """Base of heads that classify each pixel of a pair.

    A subclass has ``forward(maps_a, maps_b)``, which returns class scores
    (B, num_classes, H, W). They are resized to the masks where they differ.

    Args:
        num_classes: Classes of a pixel, the first one 'unchanged'.
        class_weight: Weight of each class in the loss.
        dice_weight: Adds so many times the Dice loss of the changed classes.
        ignore_index: Mask value of pixels that are not learnt from.
        init_cfg: As of MMEngine's `BaseModule`.

    Raises:
        InputError: `class_weight` is not of `num_classes` numbers.
    """

    def __init__(
        self,
        num_classes: int = 2,
        class_weight: Sequence[float] | None = None,
        dice_weight: float = 0.0,
        ignore_index: int = 255,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        class_weight = class_weight or [1.0] * num_classes
        if len(class_weight) != num_classes:
            raise InputError(
                f'class_weight has {len(class_weight)} numbers for '
                f'{num_classes} classes'
            )
        self.num_classes = num_classes
        self.dice_weight = dice_weight
        self.ignore_index = ignore_index
        weight = torch.tensor(class_weight)
        self.register_buffer('class_weight', weight, persistent=False)

    def loss(
        self, logits: Tensor, data_samples: Sequence[ChangeDataSample]
    ) -> dict[str, Tensor]:
        """Compare scores with masks.

        Where a sample has `gt_mask_prob`, that is the wanted probability of
        change, and `gt_mask` only says which pixels to ignore.

        Args:
            logits: (B, num_classes, H, W).
            data_samples: Have `gt_mask`, `gt_mask_prob` or both.

        Returns:
            ``loss_mask``: cross-entropy, the mean over all pixels that are
            not ignored, with the Dice loss if wanted. ``acc_pixel``: share of
            these pixels that is classified right, 0 to 1. Both are 0 where
            all pixels are ignored.

        Raises:
            InputError: A sample has no mask, masks differ in size, a value
                is no class, or there are probabilities of more than two
                classes.
        """
        masks = self._masks(data_samples).to(logits.device)
        valid = masks != self.ignore_index
        masks = masks.masked_fill(~valid, 0)
        if masks.max() >= self.num_classes:
            raise InputError(
                f'a mask has the value {masks.max()}, but the mask head '
                f'num_classes={self.num_classes}; set num_classes, or map '
                'the values in the pipeline'
            )
        if logits.shape[2:] != masks.shape[1:]:
            logits = F.interpolate(logits, masks.shape[1:], mode='bilinear')
        logits = logits.float()
        soft = any('gt_mask_prob' in sample for sample in data_samples)
        if soft or self.dice_weight:
            targets = F.one_hot(masks, self.num_classes)
            targets = targets.movedim(3, 1).type_as(logits)
            if soft:
                targets = self._soften(targets, data_samples)
            loss = self._soft_loss(logits, targets, valid)
            masks = targets.argmax(1)
        else:
            loss = self._hard_loss(logits, masks, valid)
        right = (logits.argmax(1) == masks) & valid
        accuracy = right.sum() / valid.sum().clamp(min=1)
        return dict(loss_mask=loss, acc_pixel=accuracy)

    def _masks(self, data_samples: Sequence[ChangeDataSample]) -> Tensor:
        """Stack the masks, with zeros where there are probabilities alone."""
        masks = []
        for sample in data_samples:
            if 'gt_mask' in sample:
                masks.append(sample.gt_mask.long())
            elif 'gt_mask_prob' in sample:
                masks.append(torch.zeros_like(sample.gt_mask_prob).long())
            else:
                raise InputError(
                    f'{sample.get("sample_id", "a pair")} has no mask to '
                    'learn from; load masks in train_pipeline, or leave '
                    'model.mask_head out'
                )
        sizes = {tuple(mask.shape) for mask in masks}
        if len(sizes) > 1:
            raise InputError(
                f'the masks of a batch have the sizes {sorted(sizes)}; crop '
                'or resize the pairs in train_pipeline'
            )
        return torch.stack(masks)

    def _soften(
        self, targets: Tensor, data_samples: Sequence[ChangeDataSample]
    ) -> Tensor:
        if self.num_classes != 2:
            raise InputError(
                'gt_mask_prob is the probability of change, for '
                f'num_classes=2; the mask head has {self.num_classes}'
            )
        changed = torch.stack(
            [
                sample.gt_mask_prob.to(targets)
                if 'gt_mask_prob' in sample
                else target[1]
                for sample, target in zip(data_samples, targets)
            ]
        )
        return torch.stack([1 - changed, changed], dim=1)

    def _hard_loss(
        self, logits: Tensor, masks: Tensor, valid: Tensor
    ) -> Tensor:
        weight = self.class_weight.to(logits)
        losses = F.cross_entropy(logits, masks, weight, reduction='none')
        weights = weight[masks] * valid
        return (losses * valid).sum() / weights.sum().clamp(min=1e-6)

    def _soft_loss(
        self, logits: Tensor, targets: Tensor, valid: Tensor
    ) -> Tensor:
        """Cross-entropy with a distribution (B, C, H, W) a pixel, and Dice."""
        valid = valid.unsqueeze(1)
        weight = self.class_weight.to(logits)[:, None, None]
        wanted = targets * weight * valid
        loss = -(wanted * logits.log_softmax(1)).sum()
        loss = loss / wanted.sum().clamp(min=1e-6)
        if self.dice_weight:
            loss = loss + self.dice_weight * _dice_loss(
                logits.softmax(1)[:, 1:] * valid, targets[:, 1:] * valid
            )
        return loss


def _dice_loss(predicted: Tensor, wanted: Tensor) -> Tensor:
    """1 - the Dice score of the batch, the mean over classes.

    Args:
        predicted: Probabilities (B, C, H, W).
        wanted: Likewise.
    """
    common = (predicted * wanted).sum((0, 2, 3))
    total = predicted.sum((0, 2, 3)) + wanted.sum((0, 2, 3))
    return 1 - ((2 * common + 1) / (total + 1)).mean()
