"""Sizes of the SAM networks."""

from dataclasses import dataclass, fields

from mmrs.errors import InputError


@dataclass(frozen=True)
class SamArch:
    """Sizes of one SAM: image encoder, prompt encoder and mask decoder.

    The defaults are those that the released ViT-B, ViT-L and ViT-H share
    (Kirillov et al., "Segment Anything", 2023, appendix A).

    Args:
        embed_dim: Channels of the encoder's tokens.
        depth: Number of encoder blocks.
        num_heads: Attention heads of an encoder block.
        global_attn_indexes: Blocks (from 0) that attend over the whole
            image; the others attend within windows.
        patch_size: Side of a token in pixels.
        window_size: Side of an attention window in tokens.
        out_chans: Channels of the image embedding, the prompts and the mask
            decoder.
        decoder_heads: Attention heads of the mask decoder.
        decoder_mlp_dim: Hidden width of the mask decoder's MLPs.
        iou_head_hidden_dim: Hidden width of the mask quality head.
        mask_in_chans: Hidden width of the mask prompt's convolutions.
        pe_scale: Deviation of the frequencies of the position encoding. Low
            frequencies are learnt faster; released weights bring their own.
    """

    embed_dim: int
    depth: int
    num_heads: int
    global_attn_indexes: tuple[int, ...]
    patch_size: int = 16
    window_size: int = 14
    out_chans: int = 256
    decoder_heads: int = 8
    decoder_mlp_dim: int = 2048
    iou_head_hidden_dim: int = 256
    mask_in_chans: int = 16
    pe_scale: float = 1.0


SAM_ARCHS = {
    'vit_b': SamArch(768, 12, 12, (2, 5, 8, 11)),
    'vit_l': SamArch(1024, 24, 16, (5, 11, 17, 23)),
    'vit_h': SamArch(1280, 32, 16, (7, 15, 23, 31)),
    # Not released by anyone: small enough to train from scratch on a CPU.
    'vit_tiny': SamArch(
        embed_dim=128,
        depth=4,
        num_heads=4,
        global_attn_indexes=(1, 3),
        window_size=8,
        out_chans=128,
        decoder_heads=4,
        decoder_mlp_dim=256,
        pe_scale=0.5,
    ),
}


def get_arch(arch: str | dict | SamArch) -> SamArch:
    """Return the sizes that a config's `sam_arch` means.

    Args:
        arch: A name of `SAM_ARCHS`, the arguments of `SamArch`, or the sizes
            themselves.

    Raises:
        InputError: The name or an argument is unknown.
    """
    if isinstance(arch, SamArch):
        return arch
    if isinstance(arch, str):
        if arch not in SAM_ARCHS:
            raise InputError(
                f"sam_arch='{arch}' is unknown: use one of "
                f'{", ".join(SAM_ARCHS)}, or a dict of sizes'
            )
        return SAM_ARCHS[arch]
    unknown = set(arch) - {field.name for field in fields(SamArch)}
    if unknown:
        raise InputError(
            f'sam_arch has unknown sizes {sorted(unknown)}: the known ones '
            f'are {", ".join(field.name for field in fields(SamArch))}'
        )
    indexes = tuple(arch['global_attn_indexes'])
    return SamArch(**{**arch, 'global_attn_indexes': indexes})
