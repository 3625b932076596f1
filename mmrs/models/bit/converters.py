"""From Open-CD's checkpoints of BIT to ours."""

import re

import torch
from torch import Tensor

from mmrs.errors import InputError

from .bit_head import BITHead

__all__ = ['convert_released']

StateDict = dict[str, Tensor]

# Their names in the head -> ours; the backbone is mmsegmentation's in both.
_HEAD = {
    'pre_process.1.conv.': 'reduce.',
    'conv_att.conv.': 'choose.',
    'enc_pos_embedding': 'positions',
    'conv_seg.': 'classify.',
}
_LAYER = {
    'attn.to_q.': 'q.',
    'attn.to_k.': 'k.',
    'attn.to_v.': 'v.',
    'attn.fc_out.0.': 'out.',
    'ff.0.': 'ffn.0.',
    'ff.3.': 'ffn.2.',
    'norm1.': 'norm1.',
    'norm1_.': 'norm_other.',
    'norm2.': 'norm2.',
}


def convert_released(state_dict: StateDict) -> StateDict:
    """Rename the weights of a BIT of Open-CD.

    Args:
        state_dict: With ``backbone.`` (mmsegmentation's ResNetV1c) and
            ``decode_head.``.

    Returns:
        Weights of a ``ChangeInterpreter`` with ``mmseg.ResNetV1c``,
        ``KeepMaps`` and ``BITHead``.

    Raises:
        InputError: A name is none of these, or one is missing in the head.
    """
    converted = {name: state_dict[name] for name in state_dict}
    head = {
        _rename(name): converted.pop(name)
        for name in state_dict
        if not name.startswith('backbone.')
    }
    _check_head(head)
    return converted | {f'mask_head.{k}': v for k, v in head.items()}


def _rename(name: str) -> str:
    part = name.removeprefix('decode_head.')
    layer = re.match(r'(encoder|decoder)\.\d+\.', part)
    start = layer[0] if layer else ''
    rest = part.removeprefix(start)
    for theirs, ours in (_LAYER if layer else _HEAD).items():
        if rest.startswith(theirs) and part != name:
            return start + ours + rest.removeprefix(theirs)
    raise InputError(f'{name} is no weight of a BIT of Open-CD')


def _check_head(head: StateDict) -> None:
    def size(name: str, axis: int = 0) -> int:
        if name not in head:
            raise InputError(f'the checkpoint of BIT lacks our {name}')
        return head[name].shape[axis]

    def depth(kind: str) -> int:
        found = (re.match(rf'{kind}\.(\d+)\.', name) for name in head)
        return len({match[1] for match in found if match})

    with torch.device('meta'):
        wanted = BITHead(
            in_channels=size('reduce.weight', 1),
            num_classes=size('classify.weight'),
            dims=size('reduce.weight'),
            num_tokens=size('choose.weight'),
            attention_dims=size('encoder.0.q.weight'),
            hidden=size('encoder.0.ffn.0.weight'),
            encoder_layers=depth('encoder'),
            decoder_layers=depth('decoder'),
        ).state_dict()
    for name in wanted.keys() | head.keys():
        if name not in head:
            raise InputError(f'the checkpoint of BIT lacks our {name}')
        if name not in wanted or wanted[name].shape != head[name].shape:
            raise InputError(
                f'{name} has the shape {tuple(head[name].shape)}, which does '
                "not fit the checkpoint's other weights"
            )
