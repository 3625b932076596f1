"""Sizes of MetaEarth. The paper says no more than "over 600 M": all are ours.

Each preset names what differs from the defaults of
:class:`~mmrs.models.metaearth.ResolutionUNet` and
:class:`~mmrs.models.metaearth.RRDBEncoder`.
"""

from mmrs.errors import InputError

__all__ = ['PRESETS', 'get_preset']


def _blocks(levels: int, attended: int, resnet: bool = False) -> dict:
    """Name the blocks: those of the last `attended` levels have attention."""
    plain = levels - attended
    down = ['ResnetDownsampleBlock2D' if resnet else 'DownBlock2D'] * plain
    up = ['ResnetUpsampleBlock2D' if resnet else 'UpBlock2D'] * plain
    return dict(
        down_block_types=(*down, *['AttnDownBlock2D'] * attended),
        up_block_types=(*['AttnUpBlock2D'] * attended, *up),
    )


PRESETS = dict(
    # For tests, and for training on a CPU: 64-pixel tiles.
    metaearth_tiny=dict(
        unet=dict(
            **_blocks(3, 1),
            block_out_channels=(32, 64, 64),
            layers_per_block=1,
            attention_head_dim=8,
            norm_num_groups=8,
            attn_norm_num_groups=8,
            sample_size=64,
        ),
        lr_encoder=dict(num_feat=8, num_block=1, num_grow_ch=4),
    ),
    # For one small GPU.
    metaearth_mini=dict(
        unet=dict(
            **_blocks(4, 1),
            block_out_channels=(64, 128, 256, 256),
            layers_per_block=1,
            attention_head_dim=32,
        ),
        lr_encoder=dict(num_feat=32, num_block=4, num_grow_ch=16),
    ),
    metaearth_150m=dict(
        unet=dict(
            **_blocks(5, 2), block_out_channels=(128, 256, 512, 512, 512)
        ),
        lr_encoder=dict(),
    ),
    # The paper's size.
    metaearth_600m=dict(
        unet=dict(
            **_blocks(5, 2), block_out_channels=(256, 512, 1024, 1024, 1024)
        ),
        lr_encoder=dict(),
    ),
    # As ADM's network for 256-pixel ImageNet, for its names and weights.
    metaearth_adm=dict(
        unet=dict(
            **_blocks(6, 3, resnet=True),
            block_out_channels=(256, 256, 512, 512, 1024, 1024),
            downsample_type='resnet',
            upsample_type='resnet',
        ),
        lr_encoder=dict(),
    ),
)


def get_preset(
    name: str, unet: dict | None = None, lr_encoder: dict | None = None
) -> tuple[dict, dict]:
    """Look up a preset, and replace what is given.

    The network takes as many channels as the image and the encoder's
    features have.

    Args:
        name: A key of ``PRESETS``.
        unet: Arguments of the U-Net that replace those of the preset.
        lr_encoder: Likewise of the encoder.

    Returns:
        Arguments of :class:`~mmrs.models.metaearth.ResolutionUNet`, and of
        :class:`~mmrs.models.metaearth.RRDBEncoder`.

    Raises:
        InputError: There is no such preset.
    """
    if name not in PRESETS:
        raise InputError(
            f'model.preset={name!r} is none of {", ".join(PRESETS)}'
        )
    lr_encoder = PRESETS[name]['lr_encoder'] | (lr_encoder or {})
    channels = 3 + lr_encoder.get('num_feat', 64)
    unet = PRESETS[name]['unet'] | dict(in_channels=channels) | (unet or {})
    return unet, lr_encoder
