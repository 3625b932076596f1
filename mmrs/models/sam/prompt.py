"""Parts of SAM's prompt encoder that other networks train on their own."""

import torch
from segment_anything.modeling import PromptEncoder
from torch import nn

from mmrs.models.sam.archs import SamArch, get_arch
from mmrs.models.sam.checkpoints import load_sam_weights


def build_prompt_encoder(arch: SamArch, img_size: int) -> PromptEncoder:
    """Build SAM's prompt encoder for square images of `img_size` pixels."""
    grid_size = img_size // arch.patch_size
    encoder = PromptEncoder(
        embed_dim=arch.out_chans,
        image_embedding_size=(grid_size, grid_size),
        input_image_size=(img_size, img_size),
        mask_in_chans=arch.mask_in_chans,
    )
    encoder.pe_layer.positional_encoding_gaussian_matrix *= arch.pe_scale
    return encoder


def build_mask_embed(
    arch: str | dict | SamArch, sam_checkpoint: str | None = None
) -> nn.Sequential:
    """Build the convolutions that embed a mask prompt.

    Args:
        arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        sam_checkpoint: Weights of a SAM.

    Returns:
        Module that maps mask logits `(N, 1, 4h, 4w)` to dense prompts
        `(N, C, h, w)`; the names of its parameters are SAM's.
    """
    arch = get_arch(arch)
    embed = build_prompt_encoder(arch, arch.patch_size).mask_downscaling
    if sam_checkpoint:
        prefix = 'prompt_encoder.mask_downscaling.'
        load_sam_weights(embed, sam_checkpoint, prefix)
    return embed


def build_no_mask_embed(
    arch: str | dict | SamArch, sam_checkpoint: str | None = None
) -> nn.Embedding:
    """Build the dense prompt `(1, C)` that says "no mask is given".

    Args:
        arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        sam_checkpoint: Weights of a SAM.
    """
    embed = nn.Embedding(1, get_arch(arch).out_chans)
    if sam_checkpoint:
        prefix = 'prompt_encoder.no_mask_embed.'
        load_sam_weights(embed, sam_checkpoint, prefix)
    return embed


def build_box_embed(
    arch: str | dict | SamArch, sam_checkpoint: str | None = None
) -> nn.Embedding:
    """Build what tells the first from the last corner of a box `(2, C)`.

    Args:
        arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        sam_checkpoint: Weights of a SAM.
    """
    encoder = build_prompt_encoder(get_arch(arch), get_arch(arch).patch_size)
    if sam_checkpoint:
        load_sam_weights(encoder, sam_checkpoint, 'prompt_encoder.')
    corners = [embed.weight.detach() for embed in encoder.point_embeddings[2:]]
    return nn.Embedding.from_pretrained(torch.cat(corners), freeze=False)
