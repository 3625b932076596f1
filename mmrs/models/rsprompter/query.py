"""RSPrompter-query: a set predictor whose queries become prompts for SAM.

Paper: RSPrompter, arXiv 2306.16269. Differs from the release:
SAM's decoder runs only for the queries whose masks are used (those matched to
an object in training, those of the last stage at test), which changes no
result, and its released weights are loaded (`load_decoder=False` gives the
release, which left it at random).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmcv.ops import point_sample
from mmdet.models import Mask2Former, Mask2FormerHead
from mmdet.models.utils import get_uncertain_point_coords_with_randomness
from mmdet.structures import SampleList
from mmdet.utils import reduce_mean
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmrs.models.sam import build_mask_embed, freeze
from mmrs.registry import MODELS

from .features import SamFeatureExtractor, SamFeatures
from .prompts import prompt_width, to_prompts


@MODELS.register_module()
class RSPrompterQuery(SamFeatureExtractor, Mask2Former):
    """Mask2Former whose queries prompt SAM's decoder.

    Args:
        shared_image_embedding: Config of `RSSamPositionalEmbedding`.
        freeze_decoder: Keep SAM's decoder as released. The paper trains it.
        **kwargs: As of `mmdet.Mask2Former`.
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
            freeze(self.panoptic_head.mask_decoder)


class StageMasks(NamedTuple):
    """What one stage says of the masks of its Q queries.

    Attributes:
        coarse: Mask logits from the pixel decoder (B, Q, 4h, 4w),
            where (h, w) is the size of SAM's embedding.
        prompts: Prompt points for SAM's decoder (B, Q, K, C).
    """

    coarse: Tensor
    prompts: Tensor


class Matches(NamedTuple):
    """The queries of one stage that were matched to an object.

    Attributes:
        labels: Class of every query, background for the others (B, Q).
        label_weights: (B, Q).
        images: Image of every matched query (M,).
        queries: Index of every matched query (M,).
        targets: Masks of their objects (M, H, W).
        num_masks: Objects in the batch, averaged over processes, (1,).
    """

    labels: Tensor
    label_weights: Tensor
    images: Tensor
    queries: Tensor
    targets: Tensor
    num_masks: Tensor


@MODELS.register_module()
class RSMask2FormerHead(Mask2FormerHead):
    """Mask2Former head with a fine mask from SAM for every query.

    Queries are matched by class and coarse mask; both masks are trained.

    Args:
        mask_decoder: Config of `RSSamMaskDecoder`.
        per_pointset_point: Prompt points of a query (paper K_p).
        with_sincos: Pass half of the embedding through a sine.
        load_decoder: Load SAM's weights into the decoder.
        **kwargs: As of `mmdet.Mask2FormerHead`.
    """

    def __init__(
        self,
        mask_decoder: dict,
        per_pointset_point: int = 5,
        with_sincos: bool = True,
        load_decoder: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.per_pointset_point = per_pointset_point
        self.with_sincos = with_sincos
        sam_arch = mask_decoder['sam_arch']
        sam_checkpoint = mask_decoder.get('sam_checkpoint')
        if not load_decoder:
            mask_decoder = dict(mask_decoder, sam_checkpoint=None)
        self.mask_decoder = MODELS.build(mask_decoder)
        self.sam_mask_embed = build_mask_embed(sam_arch, sam_checkpoint)
        width = kwargs['feat_channels']
        self.point_emb = nn.Sequential(
            nn.Linear(width, width // 2),
            nn.ReLU(inplace=True),
            nn.Linear(width // 2, width // 2),
            nn.ReLU(inplace=True),
            nn.Linear(
                width // 2,
                prompt_width(
                    kwargs['out_channels'], per_pointset_point, with_sincos
                ),
            ),
        )
        self.cls_embed = nn.Sequential(
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, self.num_classes + 1),
        )

    def _forward_head(
        self,
        decoder_out: Tensor,
        mask_feature: Tensor,
        attn_mask_target_size: tuple[int, int],
    ) -> tuple[Tensor, StageMasks, Tensor]:
        """Class scores, masks and the next attention mask of one stage."""
        cls_pred, coarse, attn_mask = super()._forward_head(
            decoder_out, mask_feature, attn_mask_target_size
        )
        embedding = self.point_emb(
            self.transformer_decoder.post_norm(decoder_out)
        )
        prompts = to_prompts(
            embedding, self.per_pointset_point, self.with_sincos
        )
        return cls_pred, StageMasks(coarse, prompts), attn_mask

    def decode(
        self,
        x: SamFeatures,
        coarse: Tensor,
        prompts: Tensor,
        images: Tensor,
    ) -> Tensor:
        """Draw the fine masks of some queries.

        Args:
            x: Features of the batch.
            coarse: Coarse logits (N, 4h, 4w); no gradient flows to them.
            prompts: (N, K, C).
            images: Image of every query (N,), int64.

        Returns:
            Logits (N, 4h, 4w).
        """
        masks, _ = self.mask_decoder(
            x.image_embeddings,
            x.image_pe,
            prompts,
            self.sam_mask_embed(coarse.detach()[:, None]),
            images,
        )
        return masks[:, 0]

    def loss(
        self, x: SamFeatures, batch_data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Losses of all stages; those but the last are named ``d0.``, ..."""
        batch_img_metas = [s.metainfo for s in batch_data_samples]
        all_cls_scores, all_masks = self(x, batch_data_samples)
        batch_gt_instances = self.preprocess_gt(
            [s.gt_instances for s in batch_data_samples],
            [None] * len(batch_data_samples),
        )
        matches = [
            self.match(cls_scores, masks, batch_gt_instances, batch_img_metas)
            for cls_scores, masks in zip(all_cls_scores, all_masks)
        ]
        fine = self.decode_matched(x, all_masks, matches)
        losses = {}
        last = len(matches) - 1
        for stage, stage_fine in enumerate(fine):
            prefix = '' if stage == last else f'd{stage}.'
            stage_losses = self.stage_losses(
                all_cls_scores[stage],
                all_masks[stage].coarse,
                stage_fine,
                matches[stage],
            )
            for name, value in stage_losses.items():
                losses[prefix + name] = value
        return losses

    def match(
        self,
        cls_scores: Tensor,
        masks: StageMasks,
        batch_gt_instances: list[InstanceData],
        batch_img_metas: list[dict],
    ) -> Matches:
        """Match the queries of one stage to the objects (Hungarian)."""
        labels, label_weights, targets, mask_weights, avg_factor = (
            self.get_targets(
                list(cls_scores.detach()),
                list(masks.coarse.detach()),
                batch_gt_instances,
                batch_img_metas,
            )
        )
        images, queries = torch.stack(mask_weights).nonzero(as_tuple=True)
        num_masks = reduce_mean(cls_scores.new_tensor([avg_factor]))
        return Matches(
            torch.stack(labels),
            torch.stack(label_weights),
            images,
            queries,
            torch.cat(targets),
            num_masks.clamp(min=1),
        )

    def decode_matched(
        self,
        x: SamFeatures,
        all_masks: list[StageMasks],
        matches: list[Matches],
    ) -> list[Tensor]:
        """Fine masks (M, 4h, 4w) of the matched queries of every stage."""
        fine = self.decode(
            x,
            torch.cat(
                [
                    masks.coarse[match.images, match.queries]
                    for masks, match in zip(all_masks, matches)
                ]
            ),
            torch.cat(
                [
                    masks.prompts[match.images, match.queries]
                    for masks, match in zip(all_masks, matches)
                ]
            ),
            torch.cat([match.images for match in matches]),
        )
        return list(fine.split([len(match.images) for match in matches]))

    def stage_losses(
        self,
        cls_scores: Tensor,
        coarse: Tensor,
        fine: Tensor,
        match: Matches,
    ) -> dict[str, Tensor]:
        """Class loss, and mask and dice losses of both masks, of one stage.

        The points of the mask losses are drawn where the fine mask is
        uncertain, and used for the coarse mask too.

        Args:
            cls_scores: (B, Q, classes + 1).
            coarse: Coarse logits of all queries (B, Q, 4h, 4w).
            fine: Fine logits of the matched queries (M, 4h, 4w).
            match: The matched queries.
        """
        labels = match.labels.flatten()
        class_weight = cls_scores.new_tensor(self.class_weight)
        losses = dict(
            loss_cls=self.loss_cls(
                cls_scores.flatten(0, 1),
                labels,
                match.label_weights.flatten(),
                avg_factor=class_weight[labels].sum(),
            )
        )
        fine = fine[:, None]
        coarse = coarse[match.images, match.queries][:, None]
        if len(match.targets) == 0:
            names = ('loss_mask', 'loss_dice')
            losses.update({name: fine.sum() for name in names})
            losses.update({f'{name}_plus': coarse.sum() for name in names})
            return losses
        with torch.no_grad():
            points = get_uncertain_point_coords_with_randomness(
                fine,
                None,
                self.num_points,
                self.oversample_ratio,
                self.importance_sample_ratio,
            )
            targets = point_sample(match.targets[:, None].float(), points)
            targets = targets[:, 0]
        for suffix, logits in (('', fine), ('_plus', coarse)):
            sampled = point_sample(logits, points)[:, 0]
            losses[f'loss_mask{suffix}'] = self.loss_mask(
                sampled.flatten(), targets.flatten()
            )
            losses[f'loss_dice{suffix}'] = self.loss_dice(
                sampled, targets, avg_factor=match.num_masks
            )
        return losses

    def predict(
        self, x: SamFeatures, batch_data_samples: SampleList
    ) -> tuple[Tensor, Tensor]:
        """Class scores (B, Q, classes + 1) and logits (B, Q, H, W)."""
        all_cls_scores, all_masks = self(x, batch_data_samples)
        coarse, prompts = all_masks[-1]
        batch_size, num_queries = coarse.shape[:2]
        images = torch.arange(batch_size, device=coarse.device)
        fine = self.decode(
            x,
            coarse.flatten(0, 1),
            prompts.flatten(0, 1),
            images.repeat_interleave(num_queries),
        )
        fine = F.interpolate(
            fine.unflatten(0, (batch_size, num_queries)),
            size=batch_data_samples[0].metainfo['batch_input_shape'],
            mode='bilinear',
            align_corners=False,
        )
        return all_cls_scores[-1], fine
