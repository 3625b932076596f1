"""Tiny segmentors, images and labels that the tests of this room share."""

import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmrs.registry import MODELS

CE = dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)


def segformer(loss=CE, bands=4, classes=3, **options) -> dict:
    """A SegFormer of a few thousand parameters, without dropout."""
    return dict(
        type='mmseg.EncoderDecoder',
        backbone=dict(
            type='mmseg.MixVisionTransformer',
            in_channels=bands,
            embed_dims=8,
            num_layers=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            sr_ratios=[4, 2, 1, 1],
            drop_path_rate=0.0,
        ),
        decode_head=dict(
            type='mmseg.SegformerHead',
            in_channels=[8, 8, 16, 16],
            in_index=[0, 1, 2, 3],
            channels=16,
            dropout_ratio=0.0,
            num_classes=classes,
            norm_cfg=dict(type='BN'),
            loss_decode=loss,
        ),
        train_cfg=dict(),
        test_cfg=ConfigDict(mode='whole'),
        **options,
    )


def fcn_head(channels, index, weight) -> dict:
    return dict(
        type='mmseg.FCNHead',
        in_channels=channels,
        in_index=index,
        channels=4,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=3,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(CE, loss_weight=weight),
    )


def segformer_with_auxiliary_heads() -> dict:
    heads = [fcn_head(8, 0, 0.4), fcn_head(16, 2, 0.3)]
    return segformer(auxiliary_head=heads)


def make_batch(count=4, noisy=(2, 3), size=32, seed=0, truth=False):
    """Images (B, 4, size, size) and samples with random labels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 4, size, size, generator=generator)
    samples = []
    for i in range(count):
        sample = SegDataSample()
        labels = torch.randint(0, 3, (1, size, size), generator=generator)
        labels[:, :4] = 255
        sample.gt_sem_seg = PixelData(data=labels)
        if truth:
            true = torch.where(labels == 255, labels, (labels + 1) % 3)
            sample.gt_true_seg_map = PixelData(data=true)
        sample.set_metainfo(
            dict(
                sample_id=f'image_{i}',
                subset='noisy' if i in noisy else 'clean',
                ori_shape=(size, size),
                img_shape=(size, size),
                pad_shape=(size, size),
            )
        )
        samples.append(sample)
    return images, samples


def build(cfg):
    """Build a model with weights drawn from a seed."""
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model
