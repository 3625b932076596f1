"""Pix4Cap: change captions helped by learning pseudo-labelled masks."""

from collections.abc import Sequence

from torch import Tensor

from mmrs.errors import InputError
from mmrs.models.change.change_interpreter import ChangeInterpreter
from mmrs.models.change.layers import Maps
from mmrs.registry import MODELS
from mmrs.structures import ChangeDataSample


@MODELS.register_module()
class Pix4Cap(ChangeInterpreter):
    """A captioner whose mask branch adds what it sees to the captions' maps.

    Paper: arXiv 2312.15311. Its code was never released; what the paper does
    not say is a reconstruction.

    Without masks in the data there are three lesser forms: the network
    without its loss of masks (``learn_masks=False``), without the fusion
    (``sfa=None``), and without the branch (also ``mask_neck=None`` and
    ``mask_head=None``).

    Args:
        sfa: ``dict(type='PerDateSFA')``, ``dict(type='FusedSFA')``, or None:
            the branches share the backbone alone.
        learn_masks: Train and predict masks. Without, the decoder of the mask
            head is idle; distributed training then needs
            ``find_unused_parameters = True``.
        **kwargs: As of :class:`~mmrs.models.change.ChangeInterpreter`. The
            caption neck needs `interact` and `merge`, the mask neck `level`,
            and, for `FusedSFA`, the mask head `fuse` and `decode`.

    Raises:
        InputError: There is an `sfa`, but not both branches.
    """

    def __init__(
        self, sfa: dict | None = None, learn_masks: bool = True, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        if sfa is not None and not (self.has_masks and self.has_captions):
            raise InputError(
                'model.sfa joins the mask branch to the captions, but one of '
                'the heads is missing; set model.sfa=None, or give '
                'mask_neck, mask_head, caption_neck and caption_head'
            )
        self.learn_masks = learn_masks
        self.sfa = None if sfa is None else MODELS.build(sfa)

    def encode(
        self, inputs: dict[str, Tensor], with_mask: bool = True
    ) -> dict[str, Tensor]:
        """Compute what both branches' predictions are made of.

        Args:
            inputs: ``img_a`` and ``img_b``, both (B, C, H, W).
            with_mask: Compute the mask, too. The captions need the mask neck
                and, with `FusedSFA`, one level of the mask head anyway.
        """
        with_mask = with_mask and self.learn_masks
        if self.sfa is None or not self.sfa.fused:
            return super().encode(inputs, with_mask)
        maps_a = self.backbone(inputs['img_a'])
        maps_b = self.backbone(inputs['img_b'])
        change_a, change_b = self.mask_neck(maps_a, maps_b)
        last = len(change_a) - 1
        fused = [
            self.mask_head.fuse(change_a, change_b, level)
            for level in range(0 if with_mask else last, last + 1)
        ]
        tokens = self._augmented_tokens(maps_a, maps_b, fused[-1])
        outputs = dict(tokens=tokens)
        if with_mask:
            outputs['mask_logits'] = self.mask_head.decode(fused)
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
            change_a: Of the mask neck, where there is one.
            change_b: Likewise.
        """
        if self.sfa is None:
            return self.caption_neck(maps_a, maps_b)
        level = self.mask_neck.level
        return self._augmented_tokens(
            maps_a, maps_b, change_a[level], change_b[level]
        )

    def _augmented_tokens(
        self, maps_a: Maps, maps_b: Maps, *change: Tensor
    ) -> Tensor:
        a, b = self.caption_neck.interact(maps_a, maps_b)
        return self.caption_neck.merge(*self.sfa(a, b, *change))

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ChangeDataSample],
    ) -> dict[str, Tensor]:
        """Compute the losses of the branches that are trained, balanced."""
        if self.learn_masks:
            return super().loss(inputs, data_samples)
        tokens = self.encode(inputs, with_mask=False)['tokens']
        return self.caption_head.loss(tokens, data_samples)
