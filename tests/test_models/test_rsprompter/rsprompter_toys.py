"""Tiny RSPrompters and batches for the tests of this folder."""

from pathlib import Path

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmrs.registry import MODELS

BASE = Path(__file__).parents[3] / 'configs' / 'rsprompter' / '_base_'
ARCH = dict(
    embed_dim=32,
    depth=2,
    num_heads=2,
    global_attn_indexes=(1,),
    window_size=4,
    out_chans=32,
    decoder_heads=2,
    decoder_mlp_dim=32,
    iou_head_hidden_dim=16,
)
SIZE = 64


def tiny_cfg(name: str):
    """Return the model of a base config with a SAM of a few thousands."""
    cfg = Config.fromfile(BASE / f'{name}.py').model
    shrink_sam(cfg)
    detector = cfg.get('detector', cfg)
    if 'roi_head' in detector:
        detector.roi_head.bbox_head.fc_out_channels = 32
        detector.train_cfg.rcnn.sampler.num = 16
        detector.train_cfg.rpn_proposal.max_per_img = 50
        detector.test_cfg.rpn.max_per_img = 50
    if 'panoptic_head' in cfg:
        head = cfg.panoptic_head
        head.num_queries = 10
        head.out_channels = ARCH['out_chans']
        cfg.train_cfg.num_points = 64
        cfg.test_cfg.max_per_image = 10
    return cfg


def shrink_sam(cfg) -> None:
    """Replace every SAM in a config by the tiny one."""
    for key, value in cfg.items():
        if key == 'sam_arch':
            cfg[key] = ARCH
        elif key in ('sam_checkpoint', 'init_cfg'):
            cfg[key] = None
        elif key == 'img_size':
            cfg[key] = SIZE
        elif isinstance(value, dict):
            shrink_sam(value)


def build(name: str, seed: int = 0, **overrides):
    """Build the tiny model of a base config."""
    init_default_scope('mmrs')
    torch.manual_seed(seed)
    cfg = Config(dict(model=tiny_cfg(name)))
    cfg.merge_from_dict({f'model.{k}': v for k, v in overrides.items()})
    return MODELS.build(cfg.model)


def make_batch(objects=(3, 2), size=SIZE, num_classes=10):
    """Images (B, 3, size, size) and samples with rectangles as objects."""
    rng = np.random.default_rng(0)
    samples = []
    for count in objects:
        corners = rng.integers(0, size // 2, (count, 2))
        sides = rng.integers(size // 8, size // 2, (count, 2))
        boxes = np.concatenate([corners, corners + sides], 1).reshape(-1, 4)
        masks = np.zeros((count, size, size), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[y1:y2, x1:x2] = 1
        meta = dict(
            ori_shape=(size, size),
            img_shape=(size, size),
            pad_shape=(size, size),
            batch_input_shape=(size, size),
            scale_factor=(1.0, 1.0),
        )
        instances = InstanceData(
            bboxes=torch.from_numpy(boxes).float(),
            labels=torch.from_numpy(rng.integers(0, num_classes, count)),
            masks=BitmapMasks(masks, size, size),
        )
        samples.append(DetDataSample(metainfo=meta, gt_instances=instances))
    images = rng.standard_normal((len(objects), 3, size, size))
    return torch.from_numpy(images).float(), samples
