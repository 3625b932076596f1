"""From the names of guided-diffusion, LDM and BasicSR to ours.

The authors of MetaEarth have published no weights. These are the names that
weights would most likely have: a U-Net of guided-diffusion or of LDM, and an
RRDBNet of BasicSR or ESRGAN.
"""

import re

import torch
from torch import Tensor

from mmrs.errors import InputError

__all__ = ['convert_released', 'convert_rrdbnet', 'convert_unet']

StateDict = dict[str, Tensor]

_RESBLOCK = {
    'in_layers.0': 'norm1',
    'in_layers.2': 'conv1',
    'emb_layers.1': 'time_emb_proj',
    'out_layers.0': 'norm2',
    'out_layers.3': 'conv2',
    'skip_connection': 'conv_shortcut',
}
_ATTENTION = {'norm': 'group_norm', 'proj_out': 'to_out.0'}
_ENDS = {
    'time_embed.0': 'time_embedding.linear_1',
    'time_embed.2': 'time_embedding.linear_2',
    'input_blocks.0.0': 'conv_in',
    'out.0': 'conv_norm_out',
    'out.2': 'conv_out',
}
_MIDDLE = {'0': 'resnets.0', '1': 'attentions.0', '2': 'resnets.1'}
_PREFIXES = ('model.diffusion_model.', 'module.', 'model.', 'unet.')
_EMBED = re.compile(r'(\w+)\.[02]\.(weight|bias)')
# Of ESRGAN's first code, before BasicSR.
_OLD_RRDB = (
    ('RRDB_trunk.', 'body.'),
    ('.RDB', '.rdb'),
    ('trunk_conv', 'conv_body'),
    ('upconv', 'conv_up'),
    ('HRconv', 'conv_hr'),
)
_RRDB_NAME = re.compile(
    r'(conv_(first|body|up1|up2|hr|last)|body\.\d+\.rdb[123]\.conv[1-5])'
    r'\.(weight|bias)'
)


def convert_released(
    state_dict: StateDict, qkv_order: str = 'legacy', head_dim: int = 64
) -> StateDict:
    """Convert a U-Net, an RRDBNet, or both in one file.

    Args:
        state_dict: Names of an RRDBNet begin with ``lr_encoder.`` where both
            are there.
        qkv_order: As of :func:`convert_unet`.
        head_dim: Likewise.

    Returns:
        Weights of :class:`~mmrs.models.metaearth.MetaEarth`, under ``unet.``
        and ``lr_encoder.``.

    Raises:
        InputError: A name is of neither network.
    """
    encoder = {
        name.removeprefix('lr_encoder.'): value
        for name, value in state_dict.items()
        if name.startswith('lr_encoder.')
    }
    if not encoder and any('conv_first' in name for name in state_dict):
        encoder = state_dict
    unet = {
        name: value
        for name, value in state_dict.items()
        if not name.startswith('lr_encoder.') and encoder is not state_dict
    }
    converted = {}
    if encoder:
        for name, value in convert_rrdbnet(encoder).items():
            converted[f'lr_encoder.{name}'] = value
    if unet:
        for name, value in convert_unet(unet, qkv_order, head_dim).items():
            converted[f'unet.{name}'] = value
    return converted


def convert_rrdbnet(state_dict: StateDict) -> StateDict:
    """Convert an RRDBNet of BasicSR, or of ESRGAN's first code.

    Returns:
        Weights of :class:`~mmrs.models.metaearth.RRDBEncoder` with
        ``with_conv_last=True``.

    Raises:
        InputError: A name is not of an RRDBNet.
    """
    converted = {}
    for name, value in state_dict.items():
        new = name.removeprefix('module.')
        for old, ours in _OLD_RRDB:
            new = new.replace(old, ours)
        if not _RRDB_NAME.fullmatch(new):
            raise InputError(f'{name} is no weight of an RRDBNet')
        converted[new] = value
    return converted


def convert_unet(
    state_dict: StateDict, qkv_order: str = 'legacy', head_dim: int = 64
) -> StateDict:
    """Convert a U-Net of guided-diffusion or LDM.

    A second MLP of the shape of ``time_embed``, whatever its name, is that of
    the resolution. Levels, blocks and the way of resampling are read off the
    names.

    Args:
        state_dict: The weights.
        qkv_order: How attention packs its queries, keys and values: by head
            (``'legacy'``, the default of both codes) or one after the other
            (``'new'``). Weights do not tell, and a wrong order loads, too.
        head_dim: Channels of a head; used by the legacy order.

    Returns:
        Weights of :class:`~mmrs.models.metaearth.ResolutionUNet`.

    Raises:
        InputError: A name is not of such a network, or an argument is wrong.
    """
    if qkv_order not in ('legacy', 'new'):
        raise InputError(f"qkv_order={qkv_order!r}: must be 'legacy' or 'new'")
    state_dict = {_bare(name): value for name, value in state_dict.items()}
    parts = _block_names(state_dict) | _resolution_names(state_dict) | _ENDS
    converted = {}
    for name, value in state_dict.items():
        module, _, kind = name.rpartition('.')
        head, _, tail = module.rpartition('.')
        if tail == 'qkv' and head in parts:
            converted |= _split_qkv(
                parts[head], kind, value, qkv_order, head_dim
            )
            continue
        new = parts.get(module)
        if new is None:
            new = _inside_block(module, parts)
        if new is None:
            raise InputError(
                f'{name} is no weight of a U-Net of guided-diffusion or LDM'
            )
        converted[f'{new}.{kind}'] = _as_linear(new, value)
    return converted


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _resolution_names(state_dict: StateDict) -> dict[str, str]:
    """Find the MLP of the resolution."""
    found = {
        match[1]
        for name in state_dict
        if (match := _EMBED.fullmatch(name))
        and match[1] not in ('time_embed', 'out')
    }
    if len(found) > 1:
        raise InputError(
            f'{", ".join(sorted(found))}: several MLPs beside time_embed, '
            'where that of the resolution alone is expected'
        )
    return {
        f'{name}.{i}': f'class_embedding.linear_{1 + i // 2}'
        for name in found
        for i in (0, 2)
    }


def _block_names(state_dict: StateDict) -> dict[str, str]:
    """Name the blocks of the three parts, by their old names."""
    blocks: dict[str, dict[int, set[str]]] = {}
    for name in state_dict:
        side, *rest = name.split('.')
        if side in ('input_blocks', 'output_blocks'):
            number, child = int(rest[0]), rest[1]
            blocks.setdefault(side, {}).setdefault(number, set()).add(child)
    period = _period(state_dict, blocks.get('output_blocks', {}))
    names = {
        f'middle_block.{old}': f'mid_block.{new}'
        for old, new in _MIDDLE.items()
    }
    for number in blocks.get('input_blocks', {}):
        level, i = divmod(number - 1, period)
        block, home = f'down_blocks.{level}', f'input_blocks.{number}'
        if number == 0:
            continue
        if i == period - 1:
            names[f'{home}.0'] = f'{block}.downsamplers.0'
            names[f'{home}.0.op'] = f'{block}.downsamplers.0.conv'
        else:
            names[f'{home}.0'] = f'{block}.resnets.{i}'
            names[f'{home}.1'] = f'{block}.attentions.{i}'
    for number, children in blocks.get('output_blocks', {}).items():
        level, i = divmod(number, period)
        block, home = f'up_blocks.{level}', f'output_blocks.{number}'
        names[f'{home}.0'] = f'{block}.resnets.{i}'
        for child in children - {'0'}:
            if f'{home}.{child}.qkv.weight' in state_dict:
                names[f'{home}.{child}'] = f'{block}.attentions.{i}'
            else:
                up = f'{block}.upsamplers.0'
                names[f'{home}.{child}'] = up
                names[f'{home}.{child}.conv'] = f'{up}.conv'
    return names


def _period(state_dict: StateDict, outputs: dict[int, set[str]]) -> int:
    """Number of output blocks a level: the last one also enlarges."""
    for number in sorted(outputs):
        for child in outputs[number] - {'0'}:
            if f'output_blocks.{number}.{child}.qkv.weight' not in state_dict:
                return number + 1
    return max(len(outputs), 1)


def _inside_block(module: str, parts: dict[str, str]) -> str | None:
    """Name a layer of a residual block or an attention."""
    for old, new in (_RESBLOCK | _ATTENTION).items():
        home = module.removesuffix(f'.{old}')
        if home != module and home in parts:
            return f'{parts[home]}.{new}'
    return None


def _as_linear(name: str, value: Tensor) -> Tensor:
    """Attention's 1 x 1 convolutions are linear layers here."""
    return (
        value.flatten(1)
        if name.endswith('to_out.0') and value.ndim > 2
        else value
    )


def _split_qkv(
    name: str, kind: str, value: Tensor, order: str, head_dim: int
) -> StateDict:
    value = value.flatten(1) if kind == 'weight' else value[:, None]
    channels = len(value) // 3
    if order == 'new':
        split = value.view(3, channels, -1)
    elif channels % head_dim:
        raise InputError(
            f'{name}: {channels} channels are no multiple of '
            f'head_dim={head_dim}; give the head_dim of these weights'
        )
    else:
        heads = channels // head_dim
        split = value.view(heads, 3, head_dim, -1).transpose(0, 1)
        split = split.reshape(3, channels, -1)
    if kind == 'bias':
        split = split[..., 0]
    return {
        f'{name}.to_{key}.{kind}': part.clone()
        for key, part in zip('qkv', torch.unbind(split))
    }
