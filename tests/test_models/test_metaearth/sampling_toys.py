"""A small pipeline: convolutions that know the time and the resolution."""

import numpy as np
import torch
from diffusers import ConfigMixin, DDIMScheduler, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import nn

from mmrs.models.metaearth.pipeline import MetaEarthPipeline


class ToyUNet(ModelMixin, ConfigMixin):
    """Predicts noise from a neighbourhood of 11 pixels."""

    @register_to_config
    def __init__(self, features: int = 4, width: int = 12, sample_size=32):
        super().__init__()
        self.first = nn.Conv2d(3 + features, width, 3, padding=1)
        self.scale = nn.Linear(2, width)
        self.body = nn.Sequential(
            *(
                layer
                for _ in range(3)
                for layer in (nn.Conv2d(width, width, 3, padding=1), nn.SiLU())
            )
        )
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x, t, class_labels):
        code = torch.stack(
            [torch.log(class_labels), t.expand(len(x)) / 1000], 1
        )
        hidden = self.first(x) + self.scale(code.to(x.dtype))[..., None, None]
        return UNet2DOutput(x[:, :3] + self.last(self.body(hidden)))


class ToyEncoder(ModelMixin, ConfigMixin):
    """Enlarges the condition."""

    @register_to_config
    def __init__(self, features: int = 4):
        super().__init__()
        self.conv = nn.Conv2d(3, features, 3, padding=1)

    def forward(self, lr):
        return nn.functional.interpolate(self.conv(lr), scale_factor=4)


def scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.0015,
        beta_end=0.0155,
        beta_schedule='scaled_linear',
        timestep_spacing='leading',
    )


def pipeline() -> MetaEarthPipeline:
    torch.manual_seed(0)
    pipe = MetaEarthPipeline(ToyUNet(), ToyEncoder(), scheduler())
    pipe.unet.eval()
    pipe.lr_encoder.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours, (height, width, 3), uint8."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 3, height)[:, None, None]
    cols = np.linspace(0, 3, width)[None, :, None]
    waves = np.sin(rows * rng.uniform(1, 3, 3) + cols * rng.uniform(1, 3, 3))
    noise = rng.normal(0, 8, (height, width, 3))
    return (128 + 90 * waves + noise).clip(0, 255).astype(np.uint8)
