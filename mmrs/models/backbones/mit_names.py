"""The names that others give to the weights of a MiT, and ours."""

import re
from collections import defaultdict
from typing import NamedTuple

import torch
from torch import Tensor

from mmrs.errors import InputError

StateDict = dict[str, Tensor]


class _Family(NamedTuple):
    """How somebody names the weights.

    Attributes:
        first: The number of the first stage.
        places: Pattern of a place in the network (stage, and block where
            there is one) -> our name of the place within a stage.
        parts: Names of parts -> ours.
    """

    first: int
    places: dict[str, str]
    parts: dict[str, str]


_FAMILIES = [
    _Family(  # SegFormer's authors
        1,
        {
            r'block(\d)\.(\d+)\.': 'blocks.{}.',
            r'patch_embed(\d)\.': 'embed.',
            r'norm(\d)\.': 'norm.',
        },
        {'dwconv.dwconv': 'conv'},
    ),
    _Family(  # mmsegmentation
        0,
        {
            r'layers\.(\d)\.1\.(\d+)\.': 'blocks.{}.',
            r'layers\.(\d)\.0\.': 'embed.',
            r'layers\.(\d)\.2\.': 'norm.',
        },
        {
            'projection': 'proj',
            'attn.attn.in_proj_': 'attn.qkv.',
            'attn.attn.out_proj': 'attn.proj',
            'ffn.layers.0': 'mlp.fc1',
            'ffn.layers.1': 'mlp.conv',
            'ffn.layers.4': 'mlp.fc2',
        },
    ),
    _Family(  # the files of transformers
        0,
        {
            r'block\.(\d)\.(\d+)\.': 'blocks.{}.',
            r'patch_embeddings\.(\d)\.': 'embed.',
            r'layer_norm\.(\d)\.': 'norm.',
        },
        {
            'layer_norm_1': 'norm1',
            'layer_norm_2': 'norm2',
            'attention.self.': 'attn.',
            'attention.output.dense': 'attn.proj',
            'dwconv.dwconv': 'conv',
            'mlp.dense': 'mlp.fc',
            'layer_norm': 'norm',
        },
    ),
    _Family(  # this package, and models of transformers 5 in memory
        0,
        {r'stages\.(\d)\.': ''},
        {
            'patch_embeddings.': 'embed.',
            'layernorm_before': 'norm1',
            'layernorm_after': 'norm2',
            'attention.q_proj': 'attn.query',
            'attention.k_proj': 'attn.key',
            'attention.v_proj': 'attn.value',
            'attention.o_proj': 'attn.proj',
            'attention.sequence_reduction.sequence_reduction': 'attn.sr',
            'attention.sequence_reduction.': 'attn.',
            'dwconv.dwconv': 'conv',
            'layer_norm': 'norm',
        },
    ),
]
_PREFIX = re.compile(
    r'(module\.)?(backbone\.|(cnn\.)?segformer\.(encoder\.)?|encoder\.)?'
)
_KNOWN = re.compile(
    r'stages\.\d\.(embed\.(proj|norm)|norm|blocks\.\d+\.(norm[12]'
    r'|attn\.(q|kv|qkv|query|key|value|proj|sr|norm)|mlp\.(fc[12]|conv)))'
    r'\.(weight|bias)'
)
# The classifier or decoder that the backbone was trained with.
_HEAD = re.compile(
    r'(module\.)?(head|decode_head|classifier|auxiliary_head)\.'
)


def convert_mit(state_dict: StateDict) -> StateDict:
    """Bring the weights of a MiT under our names.

    Args:
        state_dict: Under the names of SegFormer's authors, of mmsegmentation,
            of transformers or of :class:`MiTBackbone`, of the backbone alone
            or with its head, which is left out.

    Raises:
        InputError: A name is none of these.
    """
    names = {
        name: _our_name(name) for name in state_dict if not _HEAD.match(name)
    }
    unknown = [name for name, ours in names.items() if ours is None]
    if unknown or not names:
        raise InputError(
            f'{len(unknown)} of {len(state_dict)} names are not of a MiT'
            + (f', first: {unknown[0]}' if unknown else '')
        )
    return _arrange({names[name]: state_dict[name] for name in names})


def _our_name(name: str) -> str | None:
    name = name[_PREFIX.match(name).end() :]
    for family in _FAMILIES:
        for pattern, place in family.places.items():
            match = re.match(pattern, name)
            if not match:
                continue
            stage, *block = map(int, match.groups())
            rest = name[match.end() :]
            for theirs, ours in family.parts.items():
                rest = rest.replace(theirs, ours)
            place = place.format(*block)
            found = f'stages.{stage - family.first}.{place}{rest}'
            if _KNOWN.fullmatch(found):
                return found
    return None


def _arrange(weights: StateDict) -> StateDict:
    """Part and join projections, and give linear layers their matrices."""
    arranged, halves = {}, defaultdict(dict)
    for name, value in weights.items():
        layer, part, kind = name.rsplit('.', 2)
        if part in ('key', 'value'):
            halves[f'{layer}.kv.{kind}'][part] = value
        elif part == 'query':
            arranged[f'{layer}.q.{kind}'] = value
        elif part == 'qkv':
            dims = len(value) // 3
            arranged[f'{layer}.q.{kind}'] = value[:dims]
            arranged[f'{layer}.kv.{kind}'] = value[dims:]
        elif part in ('fc1', 'fc2'):
            arranged[name] = value.squeeze()  # mmseg has 1x1 convolutions
        else:
            arranged[name] = value
    for name, parts in halves.items():
        if len(parts) == 2:
            arranged[name] = torch.cat([parts['key'], parts['value']])
    return arranged
