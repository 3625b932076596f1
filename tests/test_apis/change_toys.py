"""A change interpreter that needs no training, and pairs for it.

A pixel that became brighter by more than 50 is a building, one that became
darker a road.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image
from torch import nn

from mmrs.apis.change_inferencer import ChangeInferencer
from mmrs.registry import MODELS
from mmrs.structures.vocabulary import SPECIAL_WORDS, Vocabulary

CHANGED, SAME = 'a house appears beside a road', 'there is no difference'
WORDS = (*SPECIAL_WORDS, *dict.fromkeys(f'{CHANGED} {SAME}'.split()))
WORD_PROBABILITY = 0.5
# Softmax of (3, 0, 0).
SURE = math.exp(3) / (math.exp(3) + 2)


@MODELS.register_module()
class ToyDates(nn.Module):
    """Stands for all parts that only hand on: images, or maps of dates."""

    def forward(self, maps_a, maps_b=None):
        return (maps_a,) if maps_b is None else (maps_a, maps_b)


@MODELS.register_module()
class ToyDifference(nn.Module):
    def forward(self, maps_a, maps_b):
        return (maps_b[0] - maps_a[0]).mean(dim=1)


@MODELS.register_module()
class ToyMaskHead(ToyDifference):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, maps_a, maps_b):
        difference = super().forward(maps_a, maps_b)
        road, building = difference < -50, difference > 50
        classes = torch.stack([~(road | building), road, building], dim=1)
        return self.scale * classes


class Caption:
    def __init__(self, ids, score):
        self.ids, self.score = ids, score


@MODELS.register_module()
class ToyCaptionHead(nn.Module):
    num_words = len(WORDS)

    def predict(self, tokens):
        return [self._say(one.abs().max() > 50) for one in tokens]

    def _say(self, has_changed):
        sentence = CHANGED if has_changed else SAME
        ids = Vocabulary(WORDS).encode(sentence)[1:-1]
        return Caption(ids, math.log(WORD_PROBABILITY) * (len(ids) + 1))


CONFIG = """
default_scope = 'mmrs'
custom_imports = dict(imports=['change_toys'])
model = dict(
    type='ChangeInterpreter',
    data_preprocessor=dict(
        type='ChangeDataPreprocessor', mean=[0, 0, 0], std=[1, 1, 1]),
    backbone=dict(type='ToyDates'),
    caption_neck=dict(type='ToyDifference'),
    caption_head=dict(type='ToyCaptionHead'),
    mask_neck=dict(type='ToyDates'),
    mask_head=dict(type='ToyMaskHead'))
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='LEVIRMCIDataset',
        data_root='nowhere',
        split='test',
        vocabulary='vocabulary.json',
        pipeline=[
            dict(type='LoadImagePair'),
            dict(type='LoadChangeMask'),
            dict(type='PackChangeInputs')]))
test_evaluator = []
test_cfg = dict()
visualizer = dict(type='ChangeVisualizer')
draw_hook = dict(type='DrawPredictionsHook')
inferencer = dict(type='ChangeInferencer')
"""


def toy_config(folder: Path) -> Config:
    """Config with a vocabulary below `folder`."""
    Vocabulary(WORDS).save(folder / 'vocabulary.json')
    cfg = Config.fromstring(CONFIG, '.py')
    cfg.test_dataloader.dataset.data_root = str(folder)
    return cfg


def leave_out(cfg: Config, branch: str) -> Config:
    """Take a branch, `caption` or `mask`, from the model."""
    del cfg.model[f'{branch}_neck'], cfg.model[f'{branch}_head']
    return cfg


def toy_inferencer(folder: Path, without: str | None = None):
    cfg = toy_config(folder)
    if without is not None:
        leave_out(cfg, without)
    return ChangeInferencer(cfg, device='cpu')


def toy_mask() -> np.ndarray:
    """Two buildings, a road, and a speck of road; (20, 24)."""
    mask = np.zeros((20, 24), np.uint8)
    mask[2:5, 5:9] = 2  # 12 pixels
    mask[12:14, 12:14] = mask[14:16, 14:16] = 2  # 8, that touch by a corner
    mask[10, :10] = 1  # 10
    mask[18, 19:24] = 1  # 5
    return mask


def toy_pair(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make images (H, W, 3) of two dates, in which `mask` changed."""
    earlier = np.full((*mask.shape, 3), 120, np.uint8)
    earlier[..., 1] += np.arange(mask.shape[1], dtype=np.uint8)
    later = earlier.copy()
    later[mask == 2] += 100
    later[mask == 1] -= 100
    return earlier, later


def write_png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_tif(path: Path, pixels: np.ndarray, crs, transform) -> Path:
    """Write a GeoTIFF of the pixels (H, W, bands)."""
    import rasterio

    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=pixels.shape[0],
        width=pixels.shape[1],
        count=pixels.shape[2],
        dtype=pixels.dtype,
        crs=crs,
        transform=transform,
    ) as raster:
        raster.write(np.moveaxis(pixels, 2, 0))
    return path


def read_json(path: Path):
    return json.loads(path.read_text(encoding='utf-8'))
