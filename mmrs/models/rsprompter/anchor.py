"""RSPrompter-anchor: a detector whose boxes become prompts for SAM.

Paper: RSPrompter, arXiv 2306.16269. Differs from the release:
the encoder is frozen by default, as in the paper.
"""

import torch
import torch.nn.functional as F
from mmcv.ops import point_sample
from mmdet.models import MaskRCNN, SinePositionalEncoding, StandardRoIHead
from mmdet.models.utils import (
    get_uncertain_point_coords_with_randomness,
)
from mmdet.structures import SampleList
from mmdet.structures.mask import BitmapMasks
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmrs.models.sam import (
    build_box_embed,
    build_no_mask_embed,
    freeze,
    get_arch,
)
from mmrs.registry import MODELS

from .features import SamFeatureExtractor, SamFeatures
from .masks import binary_masks
from .prompts import prompt_width, to_prompts


@MODELS.register_module()
class RSPrompterAnchor(SamFeatureExtractor, MaskRCNN):
    """Mask R-CNN whose mask head prompts SAM's decoder.

    Args:
        shared_image_embedding: Config of `RSSamPositionalEmbedding`.
        freeze_decoder: Keep SAM's decoder as released. The paper and the
            authors' configs train it (its ablation: 68.4 against 56.8 box AP
            on NWPU, the paper's figures for the query variant).
        **kwargs: As of `mmdet.MaskRCNN`.
    """

    def __init__(
        self,
        shared_image_embedding: dict,
        freeze_decoder: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.shared_image_embedding = MODELS.build(shared_image_embedding)
        if freeze_decoder:
            freeze(self.roi_head.mask_head.mask_decoder)
            freeze(self.roi_head.mask_head.no_mask_embed)


@MODELS.register_module()
class RSPrompterAnchorRoIPromptHead(StandardRoIHead):
    """RoI head that adds a sine position to the levels before pooling.

    A RoI feature does not know where in the image it lies, but a prompt must.

    Args:
        with_extra_pe: Add the position.
        **kwargs: As of `mmdet.StandardRoIHead`.
    """

    def __init__(self, with_extra_pe: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.extra_pe = None
        if with_extra_pe:
            self.extra_pe = SinePositionalEncoding(
                num_feats=self.bbox_roi_extractor.out_channels // 2,
                normalize=True,
            )

    def add_position(self, x: SamFeatures) -> SamFeatures:
        """Add the sine position of the finest level, resized, to all."""
        if self.extra_pe is None:
            return x
        batch_size, _, height, width = x[0].shape
        valid = x[0].new_zeros((1, height, width), dtype=torch.bool)
        pe = self.extra_pe(valid).to(x[0].dtype)
        return x.with_levels(
            level
            + F.interpolate(
                pe, level.shape[-2:], mode='bilinear', align_corners=False
            )
            for level in x
        )

    def loss(
        self,
        x: SamFeatures,
        rpn_results_list: list[InstanceData],
        batch_data_samples: SampleList,
    ) -> dict[str, Tensor]:
        """Box and mask losses; see `mmdet.StandardRoIHead.loss`."""
        return super().loss(
            self.add_position(x), rpn_results_list, batch_data_samples
        )

    def predict(
        self,
        x: SamFeatures,
        rpn_results_list: list[InstanceData],
        batch_data_samples: SampleList,
        rescale: bool = False,
    ) -> list[InstanceData]:
        """Boxes, then their masks; see `mmdet.StandardRoIHead.predict`."""
        return super().predict(
            self.add_position(x),
            rpn_results_list,
            batch_data_samples,
            rescale=rescale,
        )

    def _mask_forward(self, x: SamFeatures, rois: Tensor) -> dict:
        """Prompt SAM with the RoIs (N, 5) of image index and corners."""
        mask_feats = self.mask_roi_extractor(
            x[: self.mask_roi_extractor.num_inputs], rois
        )
        mask_preds, iou_preds = self.mask_head(
            mask_feats, rois, x.image_embeddings, x.image_pe
        )
        return dict(
            mask_preds=mask_preds, iou_preds=iou_preds, mask_feats=mask_feats
        )


@MODELS.register_module()
class RSPrompterAnchorMaskHead(BaseModule):
    """Turns RoI features into prompts and lets SAM's decoder draw the mask.

    Args:
        mask_decoder: Config of `RSSamMaskDecoder`.
        in_channels: Channels of the RoI features.
        roi_feat_size: Height and width of the RoI features.
        per_pointset_point: Prompt points of an object (paper K_p).
        with_sincos: Pass half of the embedding through a sine.
        with_box_prompt: Also give SAM the box of the RoI, as SAM encodes
            boxes. Not in the paper. Without it a head that starts from
            random weights must first learn to say where an object is.
        loss_mask: Config of the mask loss.
        loss_dice: Config of a dice loss beside it. The authors have none;
            it helps small objects when SAM is trained from scratch.
        num_loss_points: Take the loss at this many points, most of them
            where the mask is uncertain (PointRend), rather than at every
            pixel of the padded input as the authors do. It spares memory.
        init_cfg: As of `mmengine.BaseModule`.
    """

    def __init__(
        self,
        mask_decoder: dict,
        in_channels: int = 256,
        roi_feat_size: int = 14,
        per_pointset_point: int = 5,
        with_sincos: bool = True,
        with_box_prompt: bool = False,
        loss_mask: dict = dict(  # noqa: B006 (a config)
            type='mmdet.CrossEntropyLoss', use_mask=True, loss_weight=1.0
        ),
        loss_dice: dict | None = None,
        num_loss_points: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.per_pointset_point = per_pointset_point
        self.with_sincos = with_sincos
        self.num_loss_points = num_loss_points
        self.mask_decoder = MODELS.build(mask_decoder)
        sam = mask_decoder['sam_arch'], mask_decoder.get('sam_checkpoint')
        self.no_mask_embed = build_no_mask_embed(*sam)
        self.box_embed = build_box_embed(*sam) if with_box_prompt else None
        self.patch_size = get_arch(sam[0]).patch_size
        self.point_emb = nn.Sequential(
            nn.Conv2d(in_channels, in_channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(
                in_channels * ((roi_feat_size + 1) // 2) ** 2, in_channels
            ),
            nn.ReLU(inplace=True),
            nn.Linear(in_channels, in_channels),
            nn.ReLU(inplace=True),
            nn.Linear(
                in_channels,
                prompt_width(
                    self.no_mask_embed.embedding_dim,
                    per_pointset_point,
                    with_sincos,
                ),
            ),
        )
        self.loss_mask = MODELS.build(loss_mask)
        self.loss_dice = MODELS.build(loss_dice) if loss_dice else None

    def forward(
        self,
        x: Tensor,
        rois: Tensor,
        image_embeddings: Tensor,
        image_pe: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Draw one mask for every RoI.

        Args:
            x: RoI features (N, C, roi_feat_size, roi_feat_size).
            rois: (N, 5): image index, then corners in pixels of the input.
            image_embeddings: (B, C, h, w).
            image_pe: (1, C, h, w).

        Returns:
            Mask logits (N, 1, 4h, 4w) and SAM's estimate of their IoU (N, 1).
        """
        height, width = image_embeddings.shape[-2:]
        if len(x) == 0:  # batch norm refuses an empty batch in training
            nothing = x.sum()
            return (
                x.new_zeros((0, 1, 4 * height, 4 * width)) + nothing,
                x.new_zeros((0, 1)) + nothing,
            )
        prompts = to_prompts(
            self.point_emb(x), self.per_pointset_point, self.with_sincos
        )
        if self.box_embed is not None:
            boxes = self.box_prompts(rois[:, 1:], image_pe)
            prompts = torch.cat([prompts, boxes.to(prompts.dtype)], dim=1)
        return self.mask_decoder(
            image_embeddings,
            image_pe,
            prompts,
            self.no_mask_embed.weight[..., None, None],
            rois[:, 0].long(),
        )

    def box_prompts(self, boxes: Tensor, image_pe: Tensor) -> Tensor:
        """Encode boxes as SAM does: the position of two corners, and which.

        Args:
            boxes: (N, 4), x1, y1, x2, y2 in pixels of the input.
            image_pe: (1, C, h, w); read between the centres of its cells.

        Returns:
            (N, 2, C).
        """
        height, width = image_pe.shape[-2:]
        size = boxes.new_tensor([width, height]) * self.patch_size
        corners = boxes.view(1, -1, 2, 2) / size * 2 - 1
        positions = F.grid_sample(
            image_pe, corners, padding_mode='border', align_corners=False
        )
        return positions[0].permute(1, 2, 0) + self.box_embed.weight

    def loss_and_target(
        self,
        mask_preds: Tensor,
        sampling_results: list,
        batch_gt_instances: list[InstanceData],
        rcnn_train_cfg: dict,
    ) -> dict:
        """Mask loss over the whole padded image.

        Args:
            mask_preds: Logits (N, 1, h, w) of the positive RoIs.
            sampling_results: Which object each of them was assigned.
            batch_gt_instances: The objects, with masks of the padded image.
            rcnn_train_cfg: Not used.

        Returns:
            ``loss_mask``, a dict of the losses; ``mask_targets``.
        """
        targets = torch.cat(
            [
                _masks_of(
                    gt.masks, res.pos_assigned_gt_inds, mask_preds.device
                )
                for res, gt in zip(sampling_results, batch_gt_instances)
            ]
        )
        if len(targets) == 0:
            losses = dict(loss_mask=mask_preds.sum())
            if self.loss_dice:
                losses['loss_dice'] = mask_preds.sum()
            return dict(loss_mask=losses, mask_targets=targets)
        preds, sampled = self.sample(mask_preds, targets)
        labels = preds.new_zeros(len(preds), dtype=torch.long)
        losses = dict(loss_mask=self.loss_mask(preds, sampled, labels))
        if self.loss_dice:
            losses['loss_dice'] = self.loss_dice(
                preds.flatten(1), sampled.flatten(1)
            )
        return dict(loss_mask=losses, mask_targets=targets)

    def sample(
        self, mask_preds: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits and targets at the places where the loss is taken.

        Args:
            mask_preds: Logits (N, 1, h, w).
            targets: Masks (N, H, W).

        Returns:
            (N, 1, H, W) and (N, H, W), or (N, 1, P) and (N, P) at points.
        """
        if self.num_loss_points is None:
            preds = F.interpolate(
                mask_preds,
                targets.shape[-2:],
                mode='bilinear',
                align_corners=False,
            )
            return preds, targets
        with torch.no_grad():
            points = get_uncertain_point_coords_with_randomness(
                mask_preds, None, self.num_loss_points, 3, 0.75
            )
            sampled = point_sample(targets[:, None], points)[:, 0]
        return point_sample(mask_preds, points), sampled

    def predict_by_feat(
        self,
        mask_preds: tuple[Tensor, ...],
        results_list: list[InstanceData],
        batch_img_metas: list[dict],
        rcnn_test_cfg: dict,
        rescale: bool = False,
    ) -> list[InstanceData]:
        """Add ``masks`` (N, H, W) to the boxes and rescale these.

        Args:
            mask_preds: Logits of every image (N, 1, h, w).
            results_list: Boxes of every image, in pixels of the input.
            batch_img_metas: Meta information of every image.
            rcnn_test_cfg: With ``mask_thr_binary``, a probability.
            rescale: Return boxes and masks of the original image.
        """
        for preds, results, meta in zip(
            mask_preds, results_list, batch_img_metas
        ):
            results.masks = binary_masks(
                preds[:, 0].sigmoid(),
                meta,
                rcnn_test_cfg['mask_thr_binary'],
                rescale,
            )
            if rescale:
                results.bboxes = results.bboxes / results.bboxes.new_tensor(
                    meta['scale_factor']
                ).repeat(2)
        return results_list


def _masks_of(masks: BitmapMasks, indices: Tensor, device) -> Tensor:
    """Return the masks of the assigned objects, (N, H, W) of 0. and 1."""
    return masks[indices.cpu().numpy()].to_tensor(
        dtype=torch.float32, device=device
    )
