"""A segmentor that needs no training, and scenes for it.

Where blue is above 0.5 it is cloud, unless nir is below 0.5: then snow.
"""

import numpy as np
import rasterio
import torch
from affine import Affine
from mmengine.config import Config
from mmengine.model import BaseModel

from mmrs.registry import MODELS

BANDS = ('blue', 'green', 'red', 'nir')
CLASSES = ('background', 'cloud', 'snow')
PLACE = dict(
    crs='EPSG:32633', transform=Affine(16.0, 0, 600000, 0, -16.0, 5000000)
)


@MODELS.register_module()
class ToyClouds(BaseModel):
    """Looks at single pixels."""

    out_channels = 3

    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.weight = torch.nn.Parameter(torch.tensor(20.0))

    def encode_decode(self, inputs, batch_img_metas):
        blue, nir = inputs[:, 0] - 0.5, inputs[:, 3] - 0.5
        snow = torch.minimum(blue, -nir)
        cloud = torch.minimum(blue, nir)
        return self.weight * torch.stack([-blue, cloud, snow], dim=1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return self.encode_decode(inputs, None)


CONFIG = """
default_scope = 'mmrs'
custom_imports = dict(imports=['cloud_scene_toys'])
model = dict(
    type='ToyClouds',
    data_preprocessor=dict(
        type='MultiBandDataPreprocessor', mean=[0.] * 4, std=[1.] * 4))
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='LevirCSDataset',
        data_root='nowhere',
        split='test',
        bands=('blue', 'green', 'red', 'nir'),
        test_mode=True,
        pipeline=[
            dict(type='LoadBands'),
            dict(type='LoadCloudMask'),
            dict(type='mmseg.PackSegInputs', meta_keys=('img_path',))]))
test_evaluator = []
test_cfg = dict()
inferencer = dict(type='CloudInferencer')
"""


def toy_config() -> Config:
    return Config.fromstring(CONFIG, '.py')


def toy_classes(height: int = 150, width: int = 210) -> np.ndarray:
    """A cloud over several tiles, a snow field, specks, and no data."""
    classes = np.zeros((height, width), np.uint8)
    ys, xs = np.ogrid[:height, :width]
    classes[(ys - 70) ** 2 + (xs - 80) ** 2 < 50**2] = 1
    classes[30:60, 150:200] = 2
    classes[140, 5:8] = 1
    classes[:8] = 255
    return classes


def toy_scene(classes: np.ndarray) -> np.ndarray:
    """Make 10-bit values (H, W, 4) that the toy maps to `classes`."""
    table = np.full((256, 4), 150, np.uint16)
    table[1] = 900, 900, 900, 800
    table[2] = 900, 900, 900, 200
    pixels = table[classes]
    pixels[classes == 255] = 0
    return pixels


def write_scene(path, pixels, names=BANDS, **settings):
    """Write a GeoTIFF of 16 m."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = PLACE | dict(driver='GTiff', nodata=0) | settings
    with rasterio.open(
        path,
        'w',
        height=pixels.shape[0],
        width=pixels.shape[1],
        count=pixels.shape[2],
        dtype=pixels.dtype,
        **settings,
    ) as file:
        file.write(np.moveaxis(pixels, 2, 0))
        if names:
            file.descriptions = names
    return path
