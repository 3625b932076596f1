"""From the authors' checkpoints of MCI to ours."""

import re

from torch import Tensor

from mmrs.utils.errors import InputError

from ..backbones.mit_names import convert_mit
from ..released import decoder_converter, strip_part

__all__ = ['convert_released']

StateDict = dict[str, Tensor]

# The authors' names in the necks and the mask head -> ours.
_STACKS = {
    'Dynamic_DIF_aware_TR': 'caption_neck.layers',
    'Transformer_aug_CD': 'mask_neck.layers',
}
_TABLES = {
    'h_embedding.weight': 'caption_neck.positions.col',
    'w_embedding.weight': 'caption_neck.positions.row',
    'h_embedding_CD.weight': 'mask_neck.positions.col',
    'w_embedding_CD.weight': 'mask_neck.positions.row',
}
_LAYER = {
    'att.to_q.': 'q.',
    'att.to_k.': 'k.',
    'att.to_v.': 'v.',
    'att.to_out.0.': 'out.',
    'att.fuse_conv.': 'difference.',
    'feedforward.net.': 'ffn.',
    'Q_d_conv.': 'enhance_own.',
    'K_d_conv.': 'enhance_other.',
    'norm1.': 'norm1.',
    'norm2.': 'norm2.',
}
_ENHANCE = {
    'd_conv_3x3.': 'square.',
    'd_conv_1x5.': 'wide.',
    'd_conv_5x1.': 'tall.',
    'BN.': 'norm.',
    'conv_1.': 'proj.',
}
_HEAD = (
    (r'conv_dif\.(\d+)\.0\.', r'mask_head.fusions.\1.difference.conv.'),
    (r'conv_dif\.(\d+)\.1\.', r'mask_head.fusions.\1.difference.norm.'),
    (r'conv_fuse\.(\d+)\.', r'mask_head.fusions.\1.fuse.'),
    (r'to_fused\.(\d+)\.', r'mask_head.ups.\1.'),
    (r'to_seg\.', r'mask_head.classify.'),
)
# Parts of the authors' layers that no output depends on.
_IDLE = re.compile(
    r'Dynamic_DIF_aware_TR\.\d+\.2\..*'
    r'|.*\.(PCM\.|att\.fuse_conv2\.|att\.[QKV]_LN\.).*'
)


def convert_released(state_dict: StateDict) -> StateDict:
    """Rename the weights of MCI, and leave out those that are idle.

    Args:
        state_dict: With the parts ``encoder_dict.`` (SegFormer's backbone),
            ``encoder_trans_dict.`` and ``decoder_dict.`` of the release, or
            some of them.

    Returns:
        Weights of a ``ChangeInterpreter`` with ``MiTBackbone``, the necks of
        MCI, ``MCIMaskHead`` and ``CaptionHead``.

    Raises:
        InputError: A name is none of MCI's, or one is missing.
    """
    left = dict(state_dict)
    converters = {
        'encoder': _convert_backbone,
        'encoder_trans': _convert_necks,
        'decoder': _convert_decoder,
    }
    converted = {}
    for part, convert in converters.items():
        own = strip_part(left, part)
        if own:
            converted |= convert(own)
    if left or not converted:
        raise InputError(
            f'{len(left)} of {len(state_dict)} names are not of an MCI of '
            f'its authors, first: {next(iter(left), "none at all")}; their '
            'files hold encoder_dict, encoder_trans_dict and decoder_dict'
        )
    return converted


def _convert_backbone(state_dict: StateDict) -> StateDict:
    bare = {
        name.removeprefix('cnn.segformer.'): value
        for name, value in state_dict.items()
    }
    return {f'backbone.{k}': v for k, v in convert_mit(bare).items()}


def _convert_necks(state_dict: StateDict) -> StateDict:
    return {
        _rename(name): value
        for name, value in state_dict.items()
        if not _IDLE.fullmatch(name)
    }


def _rename(name: str) -> str:
    if name in _TABLES:
        return _TABLES[name]
    found = re.fullmatch(r'(\w+)\.(\d+)\.([01])\.(.+)', name)
    if found and found[1] in _STACKS:
        part = _replace_start(found[4], _LAYER, name)
        if part.startswith('enhance_'):
            kind, _, rest = part.partition('.')
            part = f'{kind}.{_replace_start(rest, _ENHANCE, name)}'
        return f'{_STACKS[found[1]]}.{found[2]}.{found[3]}.{part}'
    for pattern, ours in _HEAD:
        new, count = re.subn(f'^{pattern}', ours, name)
        if count:
            return new
    raise InputError(f'{name} is no weight of an MCI of its authors')


def _replace_start(part: str, names: dict[str, str], name: str) -> str:
    for theirs, ours in names.items():
        if part.startswith(theirs):
            return ours + part.removeprefix(theirs)
    raise InputError(f'{name} is no weight of an MCI of its authors')


def _convert_decoder(state_dict: StateDict) -> StateDict:
    merge, rest = {}, {}
    for name, value in state_dict.items():
        if name.startswith('Conv1.'):
            merge[name.replace('Conv1.', 'caption_neck.merge.join.')] = value
        elif name.startswith('LN.left.'):
            bottleneck = 'caption_neck.merge.bottleneck.'
            merge[name.replace('LN.left.', bottleneck)] = value
        else:
            rest[name] = value
    return merge | decoder_converter('caption_head.decoder.')(rest)
