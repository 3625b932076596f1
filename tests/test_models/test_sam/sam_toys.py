"""A SAM of a few thousand parameters, ours and segment_anything's."""

import torch
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)
from torch import nn

from mmrs.models.sam import SamArch

TOY = SamArch(
    embed_dim=32,
    depth=2,
    num_heads=2,
    global_attn_indexes=(1,),
    patch_size=4,
    window_size=3,
    out_chans=16,
    decoder_heads=2,
    decoder_mlp_dim=24,
    iou_head_hidden_dim=8,
    mask_in_chans=8,
)
TOY_SIZE = 32


def norm(dim: int) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=1e-6)


def official_sam(arch: SamArch = TOY, img_size: int = TOY_SIZE) -> Sam:
    """segment_anything's SAM of these sizes, with fixed random weights."""
    torch.manual_seed(0)
    grid = img_size // arch.patch_size
    return Sam(
        ImageEncoderViT(
            img_size=img_size,
            patch_size=arch.patch_size,
            embed_dim=arch.embed_dim,
            depth=arch.depth,
            num_heads=arch.num_heads,
            out_chans=arch.out_chans,
            norm_layer=norm,
            use_rel_pos=True,
            window_size=arch.window_size,
            global_attn_indexes=arch.global_attn_indexes,
        ),
        PromptEncoder(
            embed_dim=arch.out_chans,
            image_embedding_size=(grid, grid),
            input_image_size=(img_size, img_size),
            mask_in_chans=arch.mask_in_chans,
        ),
        MaskDecoder(
            transformer_dim=arch.out_chans,
            transformer=TwoWayTransformer(
                depth=2,
                embedding_dim=arch.out_chans,
                num_heads=arch.decoder_heads,
                mlp_dim=arch.decoder_mlp_dim,
            ),
            iou_head_hidden_dim=arch.iou_head_hidden_dim,
        ),
    )


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter anew, also those that start at zero or one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(parameter + 0.2 * noise)
    return module
