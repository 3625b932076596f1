"""Maps of several sizes from a backbone that has one."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.models.layers.init import init_xavier
from mmrs.registry import MODELS


@MODELS.register_module()
class PyramidBackbone(BaseModule):
    """Four maps from the last map of a backbone, as a ViT's.

    Transposed convolutions make maps of 4 and 2 times its size, a mean one of
    half its size.

    Args:
        backbone: Image -> tuple of maps.
        in_channels: Channels of the backbone's last map.
        out_channels: Channels of the two finer maps; the other two keep
            `in_channels`.
        init_cfg: As of MMEngine's `BaseModule`.

    Shape:
        - Input: as of the backbone.
        - Output: tuple of four maps, the finest first: (B, C, 4h, 4w),
          (B, C, 2h, 2w), (B, C, h, w), (B, C, ceil(h / 2), ceil(w / 2)).
    """

    def __init__(
        self,
        backbone: dict,
        in_channels: int = 768,
        out_channels: tuple[int, int] = (192, 384),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        finest, finer = out_channels
        self.backbone = MODELS.build(backbone)
        self.to_finer = nn.ConvTranspose2d(in_channels, finer, 2, stride=2)
        self.to_finest = nn.Sequential(
            nn.BatchNorm2d(finer),
            nn.ReLU(),
            nn.ConvTranspose2d(finer, finest, 2, stride=2),
        )
        self.to_coarser = nn.AvgPool2d(2, ceil_mode=True)
        for part in (self.to_finer, self.to_finest):
            init_xavier(part)
        self.out_channels = (finest, finer, in_channels, in_channels)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of images."""
        x = self.backbone(image)[-1]
        finer = self.to_finer(x)
        return self.to_finest(finer), finer, x, self.to_coarser(x)
