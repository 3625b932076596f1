"""A network that tells what changed between two dates, in words and masks."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor

from mmrs.registry import MODELS
from mmrs.structures import ChangeDataSample

__all__ = ['ChangeInterpreter']

Maps = tuple[Tensor, ...]


@MODELS.register_module()
class ChangeInterpreter(BaseModel):
    """Two dates -> maps of each -> a caption branch and a mask branch.

    One backbone sees both dates. The two branches start from its maps; either
    can be left out.

    Args:
        backbone: Image (B, C, H, W) -> tuple of maps, the finest first.
        caption_neck: Maps of both dates -> visual tokens (B, N, D).
        caption_head: Visual tokens -> words.
        mask_neck: Maps of both dates -> maps of both dates.
        mask_head: Maps of both dates -> class scores (B, classes, H, W).
        loss_balancer: Weighs the losses of the branches.
        data_preprocessor: As of `mmengine.BaseModel`.
        init_cfg: As of `mmengine.BaseModel`.
    """

    def __init__(
        self,
        backbone: dict,
        caption_neck: dict | None = None,
        caption_head: dict | None = None,
        mask_neck: dict | None = None,
        mask_head: dict | None = None,
        loss_balancer: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        if caption_head is not None:
            self.caption_neck = MODELS.build(caption_neck)
            self.caption_head = MODELS.build(caption_head)
        if mask_head is not None:
            self.mask_neck = MODELS.build(mask_neck)
            self.mask_head = MODELS.build(mask_head)
        if self.has_captions and self.has_masks:
            balancer = loss_balancer or dict(type='SumLosses')
            self.loss_balancer = MODELS.build(balancer)

    @property
    def has_captions(self) -> bool:
        """Whether there is a caption branch."""
        return hasattr(self, 'caption_head')

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask branch."""
        return hasattr(self, 'mask_head')

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ChangeDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict | list[ChangeDataSample]:
        """Run the network.

        Args:
            inputs: ``img_a`` and ``img_b``, both (B, C, H, W): the earlier
                and the later date.
            data_samples: One a pair.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            ``'tensor'``: ``tokens`` (B, N, D) and ``mask_logits``
            (B, classes, H, W), as far as there are such branches. ``'loss'``:
            named losses and accuracies. ``'predict'``: the samples with
            predictions.
        """
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(
                f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}"
            )
        if mode == 'tensor':
            return self.encode(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return self.predict(inputs, data_samples)

    def encode(
        self, inputs: dict[str, Tensor], with_mask: bool = True
    ) -> dict[str, Tensor]:
        """Compute what both branches' predictions are made of.

        Args:
            inputs: As of :meth:`forward`.
            with_mask: Compute the mask, too, where there is a branch for it.
        """
        maps_a = self.backbone(inputs['img_a'])
        maps_b = self.backbone(inputs['img_b'])
        outputs, change_a, change_b = {}, None, None
        if self.has_masks:
            change_a, change_b = self.mask_neck(maps_a, maps_b)
            if with_mask:
                outputs['mask_logits'] = self.mask_head(change_a, change_b)
        if self.has_captions:
            outputs['tokens'] = self.visual_tokens(
                maps_a, maps_b, change_a, change_b
            )
        return outputs

    def visual_tokens(
        self,
        maps_a: Maps,
        maps_b: Maps,
        change_a: Maps | None,
        change_b: Maps | None,
    ) -> Tensor:
        """Make the tokens (B, N, D) that the caption is read from.

        Args:
            maps_a: Of the backbone, earlier date.
            maps_b: Of the backbone, later date.
            change_a: Of the mask neck, where there is one; not used here.
            change_b: Likewise.
        """
        return self.caption_neck(maps_a, maps_b)

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ChangeDataSample],
    ) -> dict[str, Tensor]:
        """Compute the losses of both branches, balanced."""
        outputs = self.encode(inputs)
        losses = {}
        if self.has_captions:
            losses |= self.caption_head.loss(outputs['tokens'], data_samples)
        if self.has_masks:
            losses |= self.mask_head.loss(outputs['mask_logits'], data_samples)
        if self.has_captions and self.has_masks:
            losses = self.loss_balancer(losses)
        return losses

    def predict(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ChangeDataSample] | None = None,
        with_mask: bool = True,
    ) -> list[ChangeDataSample]:
        """Write sentences and draw masks.

        Args:
            inputs: As of :meth:`forward`.
            data_samples: One a pair; empty ones are made where there are
                none.
            with_mask: Predict masks, too, where there is a branch for them.
        """
        if data_samples is None:
            data_samples = [ChangeDataSample() for _ in inputs['img_a']]
        outputs = self.encode(inputs, with_mask)
        if self.has_captions:
            captions = self.caption_head.predict(outputs['tokens'])
            for sample, caption in zip(data_samples, captions):
                sample.pred_ids = caption.ids
                sample.pred_score = caption.score
        if 'mask_logits' in outputs:
            _add_masks(data_samples, outputs['mask_logits'])
        return list(data_samples)


def _add_masks(
    data_samples: Sequence[ChangeDataSample], logits: Tensor
) -> None:
    """Set the masks of samples, in the size of their files."""
    for sample, one in zip(data_samples, logits):
        shape = sample.get('ori_shape', one.shape[1:])
        if tuple(shape) != tuple(one.shape[1:]):
            one = F.interpolate(one[None], shape, mode='bilinear')[0]
        sample.mask_scores = one.float().softmax(0)
        sample.pred_mask = one.argmax(0).byte()
