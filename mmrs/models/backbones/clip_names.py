"""The names of CLIP's weights: OpenAI's and transformers'."""

import re

from torch import Tensor

from mmrs.errors import InputError

StateDict = dict[str, Tensor]

# OpenAI's names of the image encoder -> transformers'.
_NAMES = (
    (r'conv1\.', 'embeddings.patch_embedding.'),
    (r'class_embedding$', 'embeddings.class_embedding'),
    (r'positional_embedding$', 'embeddings.position_embedding.weight'),
    (r'ln_pre\.', 'pre_layrnorm.'),
    (r'ln_post\.', 'post_layernorm.'),
    (r'transformer\.resblocks\.', 'encoder.layers.'),
)
_BLOCK_NAMES = (
    ('attn.out_proj', 'self_attn.out_proj'),
    ('ln_1', 'layer_norm1'),
    ('ln_2', 'layer_norm2'),
    ('mlp.c_fc', 'mlp.fc1'),
    ('mlp.c_proj', 'mlp.fc2'),
)


def convert_clip(state_dict: StateDict) -> StateDict:
    """Find the image encoder in a CLIP, under transformers' names.

    Args:
        state_dict: Of OpenAI's CLIP or its image encoder, or of
            transformers' ``CLIPModel`` or ``CLIPVisionModel``.

    Returns:
        Weights of the vision transformer alone; the text encoder and the
        projection to the joint space are dropped.

    Raises:
        InputError: There is no image encoder in it.
    """
    if 'visual.conv1.weight' in state_dict or 'conv1.weight' in state_dict:
        return _from_openai(state_dict)
    marks = ('vision_model.', '')
    for mark in marks:
        if f'{mark}embeddings.patch_embedding.weight' in state_dict:
            kept = {
                name.removeprefix(mark): value
                for name, value in state_dict.items()
                if name.startswith(mark)
            }
            kept.pop('embeddings.position_ids', None)
            return kept
    raise InputError(
        'the weights are no CLIP with a vision transformer: neither '
        'visual.conv1.weight (OpenAI) nor '
        'vision_model.embeddings.patch_embedding.weight (transformers) is in '
        'them'
    )


def _from_openai(state_dict: StateDict) -> StateDict:
    whole = 'visual.conv1.weight' in state_dict
    converted = {}
    for name, value in state_dict.items():
        if whole and not name.startswith('visual.'):
            continue
        name = name.removeprefix('visual.')
        if name == 'proj':
            continue
        for pattern, ours in _NAMES:
            name = re.sub('^' + pattern, ours, name)
        for theirs, ours in _BLOCK_NAMES:
            name = name.replace(f'.{theirs}.', f'.{ours}.')
        if '.attn.in_proj_' in name:
            before, kind = name.split('.attn.in_proj_')
            for part, third in zip('qkv', value.chunk(3)):
                new = f'{before}.self_attn.{part}_proj.{kind}'
                converted[new] = third.clone()
        else:
            converted[name] = value.clone()
    return {name: value.float() for name, value in converted.items()}
