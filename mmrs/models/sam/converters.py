"""Names of SAM's parameters in three libraries, both ways.

segment_anything's names are the ones used in this package. transformers'
`SamModel` and mmpretrain's `ViTSAM` hold the same tensors under other names;
nothing is transposed or merged, so every map is a renaming.
"""

import re
from collections.abc import Sequence

from torch import Tensor

StateDict = dict[str, Tensor]
Names = Sequence[tuple[str, str]]

_FREQUENCIES = 'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix'
_HF_FREQUENCIES = 'shared_image_embedding.positional_embedding'
# transformers ties this copy to the one above and stores both.
_HF_FREQUENCIES_COPY = 'prompt_encoder.shared_embedding.positional_embedding'

# Pairs (segment_anything, transformers); `#` stands for a number, `*` for
# the rest of the name. The first pair that fits applies; names that fit none
# are the same in both.
_BLOCK = ('image_encoder.blocks.#.', 'vision_encoder.layers.#.')
_TWO_WAY = ('mask_decoder.transformer.layers.#.',) * 2
_MLP = (
    ('layers.0.*', 'proj_in.*'),
    ('layers.1.*', 'layers.0.*'),
    ('layers.2.*', 'proj_out.*'),
)
_HF_NAMES = (
    (_FREQUENCIES, _HF_FREQUENCIES),
    *(
        (_BLOCK[0] + f'norm{i}.*', _BLOCK[1] + f'layer_norm{i}.*')
        for i in (1, 2)
    ),
    (_BLOCK[0] + '*', _BLOCK[1] + '*'),
    (
        'image_encoder.patch_embed.proj.*',
        'vision_encoder.patch_embed.projection.*',
    ),
    ('image_encoder.neck.0.*', 'vision_encoder.neck.conv1.*'),
    ('image_encoder.neck.1.*', 'vision_encoder.neck.layer_norm1.*'),
    ('image_encoder.neck.2.*', 'vision_encoder.neck.conv2.*'),
    ('image_encoder.neck.3.*', 'vision_encoder.neck.layer_norm2.*'),
    ('image_encoder.*', 'vision_encoder.*'),
    ('prompt_encoder.point_embeddings.*', 'prompt_encoder.point_embed.*'),
    *(
        (
            f'prompt_encoder.mask_downscaling.{i}.*',
            f'prompt_encoder.mask_embed.{name}.*',
        )
        for i, name in (
            (0, 'conv1'),
            (1, 'layer_norm1'),
            (3, 'conv2'),
            (4, 'layer_norm2'),
            (6, 'conv3'),
        )
    ),
    *(
        (_TWO_WAY[0] + f'norm{i}.*', _TWO_WAY[1] + f'layer_norm{i}.*')
        for i in (1, 2, 3, 4)
    ),
    (
        'mask_decoder.transformer.norm_final_attn.*',
        'mask_decoder.transformer.layer_norm_final_attn.*',
    ),
    ('mask_decoder.output_upscaling.0.*', 'mask_decoder.upscale_conv1.*'),
    ('mask_decoder.output_upscaling.1.*', 'mask_decoder.upscale_layer_norm.*'),
    ('mask_decoder.output_upscaling.3.*', 'mask_decoder.upscale_conv2.*'),
    *(
        (head + ours, head + theirs)
        for head in (
            'mask_decoder.output_hypernetworks_mlps.#.',
            'mask_decoder.iou_prediction_head.',
        )
        for ours, theirs in _MLP
    ),
)
# Pairs (segment_anything, mmpretrain), for the image encoder alone.
_MM_NAMES = (
    ('image_encoder.blocks.#.norm1.*', 'layers.#.ln1.*'),
    ('image_encoder.blocks.#.norm2.*', 'layers.#.ln2.*'),
    ('image_encoder.blocks.#.mlp.lin1.*', 'layers.#.ffn.layers.0.0.*'),
    ('image_encoder.blocks.#.mlp.lin2.*', 'layers.#.ffn.layers.1.*'),
    ('image_encoder.blocks.#.*', 'layers.#.*'),
    ('image_encoder.patch_embed.proj.*', 'patch_embed.projection.*'),
    ('image_encoder.neck.*', 'channel_reduction.*'),
    ('image_encoder.*', '*'),
)


def _rename(name: str, names: Names) -> str:
    for source, target in names:
        pattern = re.escape(source).replace(r'\#', '#')
        pattern = pattern.replace('#', r'(\d+)').replace(r'\*', '(.*)')
        match = re.fullmatch(pattern, name)
        if match:
            for group in match.groups():
                target = re.sub(r'[#*]', group, target, count=1)
            return target
    return name


def _reversed(names: Names) -> Names:
    return [(target, source) for source, target in names]


def sam_to_hf(state_dict: StateDict) -> StateDict:
    """Rename segment_anything's SAM, or a part, to transformers' names."""
    renamed = {_rename(k, _HF_NAMES): v for k, v in state_dict.items()}
    if _HF_FREQUENCIES in renamed:
        renamed[_HF_FREQUENCIES_COPY] = renamed[_HF_FREQUENCIES]
    return renamed


def hf_to_sam(state_dict: StateDict) -> StateDict:
    """Rename transformers' `SamModel`, or a part, to segment_anything's."""
    names = _reversed(_HF_NAMES)
    return {
        _rename(k, names): v
        for k, v in state_dict.items()
        if k != _HF_FREQUENCIES_COPY
    }


def sam_to_mmpretrain(state_dict: StateDict) -> StateDict:
    """Rename segment_anything's image encoder to mmpretrain's `ViTSAM`.

    Keys start with ``image_encoder.``, as in a whole SAM. `ViTSAM` is the
    encoder alone: the other parts are left out.
    """
    return {
        _rename(k, _MM_NAMES): v
        for k, v in state_dict.items()
        if k.startswith('image_encoder.')
    }


def mmpretrain_to_sam(state_dict: StateDict) -> StateDict:
    """Rename mmpretrain's `ViTSAM` to segment_anything's image encoder."""
    names = _reversed(_MM_NAMES)
    return {_rename(k, names): v for k, v in state_dict.items()}
