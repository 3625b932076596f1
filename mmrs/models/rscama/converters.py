"""From the authors' checkpoints of RSCaMa to ours."""

import re

from torch import Tensor

from mmrs.errors import InputError
from mmrs.models.backbones.clip_names import convert_clip
from mmrs.models.change.released import decoder_converter, strip_part

__all__ = ['convert_released']

StateDict = dict[str, Tensor]

# Parts of a block that no output of the authors' code depends on.
_IDLE = re.compile(
    r'.*embeddings\.weight|.*mixer\.(x_proj_dif|dt_proj_dif|linear_hid2'
    r'|out_LN|conv1d_back)(_back)?\.(weight|bias)'
)


def convert_released(state_dict: StateDict) -> StateDict:
    """Rename the weights of RSCaMa, and leave out those that are idle.

    Args:
        state_dict: With the parts ``encoder_dict.`` (CLIP),
            ``encoder_trans_dict.`` and ``decoder_dict.`` of the release, or
            some of them.

    Returns:
        Weights of a ``ChangeInterpreter`` with ``CLIPPatchBackbone``,
        ``CaMaNeck`` and ``CaptionHead``.

    Raises:
        InputError: A name is none of RSCaMa's, or there is none at all.
    """
    parts = {
        'encoder': _convert_clip,
        'encoder_trans': convert_neck,
        'decoder': decoder_converter('caption_head.decoder.'),
    }
    converted, left = {}, dict(state_dict)
    for part, convert in parts.items():
        own = strip_part(left, part)
        if own:
            converted |= convert(own)
    if left or not converted:
        raise InputError(
            f'{len(left)} of {len(state_dict)} names are not of an RSCaMa of '
            f'its authors, first: {next(iter(left), "none at all")}; their '
            'files hold encoder_dict, encoder_trans_dict and decoder_dict'
        )
    return converted


def _convert_clip(state_dict: StateDict) -> StateDict:
    clip = {
        name.removeprefix('clip_model.'): value
        for name, value in state_dict.items()
    }
    return {
        f'backbone.vision.{name}': value
        for name, value in convert_clip(clip).items()
    }


def convert_neck(state_dict: StateDict) -> StateDict:
    """Rename the weights of the neck; ours begin with ``caption_neck.``."""
    used = [int(n.split('.')[1]) for n in state_dict if n.startswith('CaMa')]
    last = max(used, default=0)
    converted = {}
    for name, value in state_dict.items():
        if _is_idle(name, last):
            continue
        for new, part in _rename(name, value, last):
            converted[f'caption_neck.{new}'] = part
    return converted


def _is_idle(name: str, last: int) -> bool:
    if _IDLE.fullmatch(name):
        return True
    if name.startswith('layerscan.'):
        return True
    if re.match(r'fuselayer_list\.\d+\.[1-9]', name):
        return True
    if 'fuselayer_list' in name and '.in_proj_dif.' in name:
        return True
    found = re.match(r'(Conv1_list|LN_list)\.(\d+)\.', name)
    return bool(found) and int(found[2]) != last


def _rename(name: str, value: Tensor, last: int) -> list[tuple[str, Tensor]]:
    """Our names of a weight, which may be of two parts of it."""
    plain = {
        'h_embedding.weight': 'positions.col',
        'w_embedding.weight': 'positions.row',
        'LN_norm.weight': 'shared_norm.weight',
        'LN_norm.bias': 'shared_norm.bias',
        'alpha': 'alpha',
    }
    if name in plain:
        return [(plain[name], value)]
    for theirs, ours in (
        (f'Conv1_list.{last}.', 'fuse_proj.'),
        (f'LN_list.{last}.left.', 'fuse_block.'),
    ):
        if name.startswith(theirs):
            return [(ours + name.removeprefix(theirs), value)]
    found = re.fullmatch(r'CaMalayer_list\.(\d+)\.([01])\.(.+)', name)
    if found:
        block = f'layers.{found[1]}.spatial.{found[2]}.'
        renamed = _rename_block(block, found[3], value, guided=True)
        if renamed:
            return renamed
    found = re.fullmatch(r'fuselayer_list\.(\d+)\.0\.(.+)', name)
    if found:
        block = f'layers.{found[1]}.temporal.'
        renamed = _rename_block(block, found[2], value, guided=False)
        if renamed:
            return renamed
    raise InputError(f'{name} is no weight of an RSCaMa of its authors')


def _rename_block(
    block: str, name: str, value: Tensor, guided: bool
) -> list[tuple[str, Tensor]]:
    """The same of a weight of a block; none, where it is unknown."""
    if name == 'norm_f.weight':
        return [(f'{block}norm_out.weight', value)]
    if name == 'layers.0.norm.weight':
        return [(f'{block}norm.weight', value)]
    name = name.removeprefix('layers.0.mixer.')
    half = len(value) // 2 if value.ndim else 0
    inner, gate = f'{block}in_proj.weight', f'{block}gate_proj.weight'
    if name == 'in_proj.weight':
        kept = [(inner, value[:half].clone())]
        return kept if guided else [*kept, (gate, value[half:].clone())]
    if name == 'in_proj_dif.weight':  # of a guided block
        return [(gate, value[half:].clone())]
    if re.fullmatch(
        r'(conv1d|x_proj|x_proj_back|dt_proj|dt_proj_back|out_proj)'
        r'\.(weight|bias)|(A_log|D)(_back)?',
        name,
    ):
        return [(f'{block}{name}', value)]
    return []
