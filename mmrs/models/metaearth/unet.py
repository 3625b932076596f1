"""The noise predictor of MetaEarth.

Paper: MetaEarth, arXiv 2405.13570: a U-Net that is told the diffusion step
and the resolution by the sum of two embeddings (from the paper's figure). Its
sizes are not published; those here are ours. See also ADM, arXiv 2105.05233.
"""

import inspect

import torch
from diffusers import ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import TimestepEmbedding
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.registry import MODELS

# Pipelines of diffusers look for ModelMixin in the module of a class that
# they load.
__all__ = ['ModelMixin', 'ResolutionUNet']

#: Two octaves become 20, about as far apart in the sine code as 4 and 16 m.
_LOG2_SCALE = 10.0
_TRANSFORMS = ('linear', 'log2', 'none')


class _ResolutionEmbedding(TimestepEmbedding):
    """Takes the sine code in float32, whatever the weights are."""

    def forward(self, sample: Tensor, condition: None = None) -> Tensor:
        return super().forward(sample.to(self.linear_1.weight.dtype))


@MODELS.register_module()
class ResolutionUNet(UNet2DModel):
    """A U-Net that knows the diffusion step and the pixel size.

    diffusers' ``UNet2DModel`` with the paper's sum of embeddings: step and
    resolution go through one sine code, then through an MLP each. Ours, after
    ADM: norms scaled and shifted by the embedding, a norm before every
    attention, and the last convolution of each residual block, of each
    attention and of the network starting at zero. It runs in half precision,
    unlike the class that it extends.

    Args:
        resolution_transform: What goes through the sine code: the pixel size
            in metres (``'linear'``, the paper), ten times its binary
            logarithm (``'log2'``, ours, for any pixel size), or zero whatever
            it is (``'none'``, an ablation of the paper).
        resolution_of: Whose pixel size it is; ``'output'`` (ours) or
            ``'input'``. The network does not use it: it tells those who give
            ``class_labels``.
        sample_size: Side of the training tiles, which the network does not
            use either.
        in_channels: Those of the noisy image and of the condition.
        class_embed_type: Fixed.
        *others: As of :class:`diffusers.UNet2DModel`.

    Shape:
        - Input: ``sample`` (B, in_channels, H, W), H and W divisible by two
          to the number of levels less one; ``timestep`` (B,) or a number;
          ``class_labels`` (B,), float, metres a pixel.
        - Output: ``.sample`` (B, out_channels, H, W).
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int | None = 256,
        in_channels: int = 67,
        out_channels: int = 3,
        center_input_sample: bool = False,
        time_embedding_type: str = 'positional',
        time_embedding_dim: int | None = None,
        freq_shift: int = 0,
        flip_sin_to_cos: bool = True,
        down_block_types: tuple[str, ...] = (),
        mid_block_type: str = 'UNetMidBlock2D',
        up_block_types: tuple[str, ...] = (),
        block_out_channels: tuple[int, ...] = (),
        layers_per_block: int = 2,
        mid_block_scale_factor: float = 1,
        downsample_padding: int = 1,
        downsample_type: str = 'conv',
        upsample_type: str = 'conv',
        dropout: float = 0.0,
        act_fn: str = 'silu',
        attention_head_dim: int = 64,
        norm_num_groups: int = 32,
        attn_norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
        resnet_time_scale_shift: str = 'scale_shift',
        add_attention: bool = True,
        class_embed_type: str = 'timestep',
        num_class_embeds: int | None = None,
        num_train_timesteps: int | None = None,
        resolution_transform: str = 'linear',
        resolution_of: str = 'output',
    ) -> None:
        if resolution_transform not in _TRANSFORMS:
            raise InputError(
                f'unet.resolution_transform={resolution_transform!r}: must '
                f'be one of {", ".join(_TRANSFORMS)}'
            )
        inherited = inspect.signature(UNet2DModel.__init__).parameters
        # The decorator has put all arguments in the config already.
        super().__init__(
            **{k: v for k, v in self.config.items() if k in inherited}
        )
        self.class_embedding = _ResolutionEmbedding(
            self.time_embedding.linear_1.in_features,
            self.time_embedding.linear_1.out_features,
        )
        self.init_weights()

    def init_weights(self) -> None:
        """Start every residual branch and the output at zero."""
        for module in self.modules():
            if isinstance(module, ResnetBlock2D):
                _zero(module.conv2)
            elif isinstance(module, Attention):
                _zero(module.to_out[0])
        _zero(self.conv_out)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float | int,
        class_labels: Tensor | None = None,
        return_dict: bool = True,
    ) -> UNet2DOutput | tuple[Tensor]:
        """Predict the noise."""
        if class_labels is not None:
            class_labels = class_labels.float()
            if self.config.resolution_transform == 'log2':
                class_labels = _LOG2_SCALE * torch.log2(class_labels)
            elif self.config.resolution_transform == 'none':
                class_labels = torch.zeros_like(class_labels)
        return super().forward(sample, timestep, class_labels, return_dict)


def _zero(layer: nn.Module) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
