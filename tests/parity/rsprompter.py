"""Runs RSPrompter on the inputs of a parity file; see check_parity.py."""

from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

import mmrs
from mmrs.models.rsprompter.converters import convert_released
from mmrs.models.sam import SAM_ARCHS, SamArch
from mmrs.registry import MODELS

CONFIGS = Path(mmrs.__file__).parents[1] / 'configs' / 'rsprompter' / '_base_'

Pairs = dict[str, tuple[Tensor, Tensor]]


def run_parity(
    method: str,
    meta: dict,
    state_dict: dict[str, Tensor],
    io: dict[str, Tensor],
) -> Pairs:
    """Build the network of a parity file, load its weights, run its input.

    Args:
        method: ``'rsprompter-anchor'`` or ``'rsprompter-query'``.
        meta: Sizes of the network: ``img_size``, ``num_classes``,
            ``select_layers``, ``hidden_channels``.
        state_dict: Weights under the authors' names.
        io: Inputs and the authors' outputs.

    Returns:
        Name of each output -> (ours, the authors').
    """
    build = dict(
        [('rsprompter-anchor', _anchor_cfg), ('rsprompter-query', _query_cfg)]
    )[method]
    state_dict = convert_released(state_dict)
    model = MODELS.build(build(meta, state_dict))
    model.load_state_dict(state_dict, strict=True)
    model.eval()
    with torch.no_grad():
        features = model.extract_feat(io['img'])
        pairs = {
            'image_embeddings': features.image_embeddings,
            'image_positional_embeddings': features.image_pe,
        }
        pairs.update({f'fpn_{i}': x for i, x in enumerate(features)})
        if method == 'rsprompter-anchor':
            pairs.update(_anchor_outputs(model, features, io))
        else:
            pairs.update(_query_outputs(model, features))
    # The file may keep but the first channels or queries of an output.
    return {
        name: (ours[:, : io[name].shape[1]], io[name])
        for name, ours in pairs.items()
        if name in io
    }


def _anchor_outputs(model, features, io: dict[str, Tensor]) -> dict:
    outputs = {}
    for level, (cls, reg) in enumerate(zip(*model.rpn_head(features))):
        outputs[f'rpn_cls_{level}'] = cls
        outputs[f'rpn_reg_{level}'] = reg
    head = model.roi_head
    features = head.add_position(features)
    boxes = head._bbox_forward(features, io['rois'])
    masks = head._mask_forward(features, io['rois'])
    outputs['cls_score'] = boxes['cls_score']
    outputs['bbox_pred'] = boxes['bbox_pred']
    outputs['mask_preds'] = masks['mask_preds']
    outputs['iou_predictions'] = masks['iou_preds']
    return outputs


def _query_outputs(model, features) -> dict:
    head = model.panoptic_head
    all_cls_scores, all_masks = head(features, None)
    coarse, prompts = all_masks[-1]
    batch_size, num_queries = coarse.shape[:2]
    fine = head.decode(
        features,
        coarse.flatten(0, 1),
        prompts.flatten(0, 1),
        torch.arange(batch_size).repeat_interleave(num_queries),
    )
    return {
        'head_0_last': all_cls_scores[-1],
        'head_1_last': fine.unflatten(0, (batch_size, num_queries)),
        'head_2_last': coarse,
    }


def _anchor_cfg(meta: dict, state_dict: dict[str, Tensor]) -> dict:
    cfg = Config.fromfile(CONFIGS / 'rsprompter-anchor.py').model
    _set_sizes(cfg, cfg.roi_head.mask_head, meta, state_dict)
    cfg.roi_head.bbox_head.num_classes = meta['num_classes']
    return cfg


def _query_cfg(meta: dict, state_dict: dict[str, Tensor]) -> dict:
    cfg = Config.fromfile(CONFIGS / 'rsprompter-query.py').model
    head = cfg.panoptic_head
    _set_sizes(cfg, head, meta, state_dict)
    head.num_things_classes = meta['num_classes']
    head.loss_cls.class_weight = [1.0] * meta['num_classes'] + [0.1]
    head.num_queries = len(state_dict['panoptic_head.query_feat.weight'])
    head.transformer_decoder.num_layers = _count(
        state_dict, 'panoptic_head.transformer_decoder.layers.'
    )
    cfg.panoptic_fusion_head.num_things_classes = meta['num_classes']
    return cfg


def _set_sizes(
    cfg: dict, head: dict, meta: dict, state_dict: dict[str, Tensor]
) -> None:
    """Set what both variants share; `head` holds the mask decoder."""
    arch = infer_arch(state_dict)
    for part in (cfg.shared_image_embedding, cfg.backbone, head.mask_decoder):
        part.sam_arch = arch
        part.sam_checkpoint = None
    cfg.backbone.img_size = meta['img_size']
    cfg.neck.feature_aggregator.update(
        sam_arch=arch,
        hidden_channels=meta['hidden_channels'],
        select_layers=meta['select_layers'],
    )
    # The authors' decoder is transformers', whose blocks use this epsilon.
    head.mask_decoder.norm_eps = 1e-6
    last = max(k for k in state_dict if '.point_emb.' in k and '.bias' in k)
    head.per_pointset_point = len(state_dict[last]) // (2 * arch.out_chans)


def infer_arch(state_dict: dict[str, Tensor]) -> SamArch:
    """Read the sizes of the encoder off our names; others are SAM's own."""
    prefix = 'backbone.image_encoder.'
    embed_dim = state_dict[f'{prefix}patch_embed.proj.weight'].shape[0]
    depth = _count(state_dict, f'{prefix}blocks.')
    for arch in SAM_ARCHS.values():
        if (arch.embed_dim, arch.depth) == (embed_dim, depth):
            return arch
    tables = [
        state_dict[f'{prefix}blocks.{i}.attn.rel_pos_h'] for i in range(depth)
    ]
    window_table = 2 * SamArch.window_size - 1
    return SamArch(
        embed_dim,
        depth,
        embed_dim // tables[0].shape[1],
        tuple(i for i, t in enumerate(tables) if len(t) != window_table),
    )


def _count(state_dict: dict[str, Tensor], prefix: str) -> int:
    """Count the numbered modules under a prefix."""
    return len(
        {
            key[len(prefix) :].split('.')[0]
            for key in state_dict
            if key.startswith(prefix)
        }
    )
