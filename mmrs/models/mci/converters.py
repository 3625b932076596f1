"""From the authors' checkpoints of MCI to ours."""

import re

import torch
from torch import Tensor

from mmrs.errors import InputError
from mmrs.models.backbones.mit import ARCHS, MiTArch
from mmrs.models.backbones.mit_names import convert_mit
from mmrs.models.change.released import (
    decoder_converter,
    infer_decoder,
    strip_part,
)
from mmrs.registry import MODELS

__all__ = ['convert_released', 'describe', 'infer_model']

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
            ``encoder_trans_dict.`` and ``decoder_dict.`` of the release.

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
    _check_whole(converted)
    return converted


def _check_whole(state_dict: StateDict) -> None:
    """Compare with the names and shapes of a network of the same sizes."""
    with torch.device('meta'):
        wanted = MODELS.build(infer_model(state_dict)).state_dict()
    missing = [name for name in wanted if name not in state_dict]
    if missing:
        raise InputError(
            f'the checkpoint of MCI lacks {len(missing)} of {len(wanted)} '
            f'weights, the first is our {missing[0]}'
        )
    for name, value in state_dict.items():
        if name not in wanted or value.shape != wanted[name].shape:
            raise InputError(
                f'{name} has the shape {tuple(value.shape)}, which does not '
                "fit the checkpoint's other weights"
            )


def infer_model(
    state_dict: StateDict, heads: int = 8, max_length: int = 41
) -> dict:
    """Read the config of an MCI off our names of its weights.

    Args:
        state_dict: As of :func:`convert_released`.
        heads: Attention heads of the necks and the decoder, which weights do
            not show.
        max_length: The most words of a sentence, likewise.

    Raises:
        InputError: Weights without which there is no MCI are missing.
    """
    try:
        return _infer_model(state_dict, heads, max_length)
    except (KeyError, ZeroDivisionError) as error:
        raise InputError(
            f'the checkpoint of MCI is not whole: {error} is missing'
        ) from error


def _infer_model(state_dict: StateDict, heads: int, max_length: int) -> dict:
    prefix = 'caption_head.decoder.'
    decoder = infer_decoder(
        {
            name.removeprefix(prefix): value
            for name, value in state_dict.items()
            if name.startswith(prefix)
        }
    )
    num_words = decoder['num_words']

    def neck(kind: str, name: str) -> dict:
        return dict(
            type=kind,
            dims=2 * state_dict[f'{name}.positions.col'].shape[1],
            num_layers=_count(state_dict, rf'{name}\.layers\.(\d+)\.'),
            heads=heads,
            hidden=len(state_dict[f'{name}.layers.0.0.ffn.0.weight']),
            position_size=len(state_dict[f'{name}.positions.col']),
        )

    levels = _count(state_dict, r'mask_head\.fusions\.(\d+)\.')
    return dict(
        type='ChangeInterpreter',
        backbone=_infer_backbone(state_dict),
        caption_neck=neck('BI3CaptionNeck', 'caption_neck'),
        caption_head=dict(
            type='CaptionHead',
            decoder=decoder | dict(heads=heads),
            num_words=num_words,
            max_length=max_length,
        ),
        mask_neck=neck('BI3MaskNeck', 'mask_neck'),
        mask_head=dict(
            type='MCIMaskHead',
            in_channels=[
                len(state_dict[f'mask_head.fusions.{k}.difference.norm.bias'])
                for k in range(levels)
            ],
            num_classes=len(state_dict['mask_head.classify.1.bias']),
        ),
    )


def _infer_backbone(state_dict: StateDict) -> dict:
    stages = _count(state_dict, r'backbone\.stages\.(\d+)\.')
    dims, depths, reductions = [], [], []
    for s in range(stages):
        stage = f'backbone.stages.{s}'
        dims.append(len(state_dict[f'{stage}.norm.weight']))
        depths.append(
            _count(state_dict, re.escape(stage) + r'\.blocks\.(\d+)\.')
        )
        reduction = state_dict.get(f'{stage}.blocks.0.attn.sr.weight')
        reductions.append(1 if reduction is None else reduction.shape[2])
    fc1 = state_dict['backbone.stages.0.blocks.0.mlp.fc1.bias']
    sizes = MiTArch(tuple(dims), tuple(depths), reductions=tuple(reductions))
    names = [name for name, arch in ARCHS.items() if arch == sizes]
    return dict(
        type='MiTBackbone',
        arch=names[0] if names else sizes._asdict(),
        in_channels=state_dict['backbone.stages.0.embed.proj.weight'].shape[1],
        mlp_ratio=len(fc1) // dims[0],
    )


def _count(state_dict: StateDict, pattern: str) -> int:
    """Count the numbers that a pattern finds in names."""
    found = (re.match(pattern, name) for name in state_dict)
    return len({match[1] for match in found if match})


def describe(state_dict: StateDict) -> dict:
    """Return the sizes of a converted MCI, for its checkpoint."""
    model = infer_model(state_dict)
    return dict(
        backbone=model['backbone'],
        num_words=model['caption_head']['num_words'],
        num_classes=model['mask_head']['num_classes'],
    )


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
