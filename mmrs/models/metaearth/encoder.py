"""The image encoder that makes MetaEarth's condition.

The paper's is an RRDBNet of ESRGAN (arXiv 1809.00219) with up-sampling
layers; its size is not published, and ours here. Layers have the names of
BasicSR's RRDBNet, whose checkpoints load.
"""

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from mmrs.registry import MODELS

__all__ = ['RRDBEncoder']

_RESIDUAL_SCALE = 0.2  # of every block's output, against early divergence
_INIT_SCALE = 0.1  # of the dense blocks' weights, as BasicSR
_SLOPE = 0.2


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE)


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each of which sees the outputs of all before it.

    Args:
        channels: Of input and output.
        growth: Output channels of the first four convolutions.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        for i in range(5):
            out = growth if i < 4 else channels
            conv = nn.Conv2d(channels + i * growth, out, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)
            with torch.no_grad():
                conv.weight.mul_(_INIT_SCALE)
            self.add_module(f'conv{i + 1}', conv)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        seen = x
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat([seen, _act(conv(seen))], 1)
        return x + _RESIDUAL_SCALE * self.conv5(seen)


class RRDB(nn.Module):
    """Three dense blocks and a skip around them."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(channels, growth)
        self.rdb2 = ResidualDenseBlock(channels, growth)
        self.rdb3 = ResidualDenseBlock(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return x + _RESIDUAL_SCALE * self.rdb3(self.rdb2(self.rdb1(x)))


@MODELS.register_module()
class RRDBEncoder(ModelMixin, ConfigMixin):
    """RRDBNet without its last convolution.

    Args:
        in_channels: Of the low-resolution image.
        num_feat: Channels of the features, ``nf``.
        num_block: Number of RRDBs, ``nb``. 23 with 64 features and a growth
            of 32 is the network of ESRGAN and Real-ESRGAN.
        num_grow_ch: Growth of the dense blocks, ``gc``.
        with_conv_last: Keep the convolution to an image, so that checkpoints
            of super-resolution load whole. The features do not pass it.
        frozen: Do not train it (ours, as SRDiff does).

    Shape:
        - Input: (B, in_channels, p, q), -1 to 1.
        - Output: (B, num_feat, 4p, 4q).
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        num_feat: int = 64,
        num_block: int = 8,
        num_grow_ch: int = 32,
        with_conv_last: bool = False,
        frozen: bool = False,
    ) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, 3, padding=1)

        self.conv_first = conv(in_channels, num_feat)
        self.body = nn.Sequential(
            *(RRDB(num_feat, num_grow_ch) for _ in range(num_block))
        )
        self.conv_body = conv(num_feat, num_feat)
        self.conv_up1 = conv(num_feat, num_feat)
        self.conv_up2 = conv(num_feat, num_feat)
        self.conv_hr = conv(num_feat, num_feat)
        if with_conv_last:
            self.conv_last = conv(num_feat, in_channels)
        self.init_weights()
        if frozen:
            self.requires_grad_(False)

    def init_weights(self) -> None:
        """Let features start about as large as the image.

        PyTorch's way, which BasicSR keeps, shrinks them tenfold, and beside
        the noisy image the U-Net would not see them for long (ours).
        """
        for name in ('conv_first', 'conv_up1', 'conv_up2', 'conv_hr'):
            conv = getattr(self, name)
            nn.init.kaiming_normal_(conv.weight, a=_SLOPE)
            nn.init.zeros_(conv.bias)

    def forward(self, lr: Tensor) -> Tensor:
        """Encode low-resolution images."""
        first = self.conv_first(lr)
        features = first + self.conv_body(self.body(first))
        for conv in (self.conv_up1, self.conv_up2):
            features = F.interpolate(features, scale_factor=2, mode='nearest')
            features = _act(conv(features))
        return _act(self.conv_hr(features))

    def to_image(self, features: Tensor) -> Tensor:
        """Make the image of RRDBNet, where there is ``conv_last``."""
        return self.conv_last(features)
