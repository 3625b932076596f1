"""Loading SAM's weights, whoever saved them."""

from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log
from torch import nn

from mmrs.errors import InputError
from mmrs.models.sam.archs import SAM_ARCHS
from mmrs.models.sam.converters import (
    StateDict,
    hf_to_sam,
    mmpretrain_to_sam,
)
from mmrs.ops.positions import resize_table
from mmrs.utils.checkpoint import read_checkpoint

OFFICIAL_FILES = {
    'vit_b': 'sam_vit_b_01ec64.pth',
    'vit_l': 'sam_vit_l_0b3195.pth',
    'vit_h': 'sam_vit_h_4b8939.pth',
}
_ENCODER = 'image_encoder.'

# The parts of a model come from one file, encoder first. What is left of the
# last file then, 16 MB, is kept rather than reading up to 2.5 GB again.
_read_before: dict[tuple[Path, int], StateDict] = {}


class LoadReport(NamedTuple):
    """What loading a checkpoint into a module did.

    Attributes:
        matched: Names that were loaded.
        missing: Names of the module that the file does not have.
        unexpected: Names of that part of the file the module does not have.
    """

    matched: list[str]
    missing: list[str]
    unexpected: list[str]


def load_sam_weights(
    module: nn.Module, checkpoint: str | Path, prefix: str = ''
) -> LoadReport:
    """Load a SAM, or the part of one that `module` is.

    Position tables of another input size are resized.

    Args:
        module: Receives the weights, under segment_anything's names.
        checkpoint: A file of segment_anything, transformers or mmpretrain
            (``.pth``, ``.bin`` or ``.safetensors``).
        prefix: Where `module` is in a whole SAM, as ``'image_encoder.'``.

    Returns:
        The names that were and were not found. The counts are logged.

    Raises:
        InputError: The file is missing, is no checkpoint, holds nothing of
            this part, or is of another architecture.
    """
    path = Path(checkpoint)
    state = {
        name[len(prefix) :]: value
        for name, value in read_sam_weights(path, prefix).items()
        if name.startswith(prefix)
    }
    wanted = module.state_dict()
    for name in state.keys() & wanted.keys():
        state[name] = resize_table(name, state[name], wanted[name])
    matched = [name for name in wanted if name in state]
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    if not matched:
        raise InputError(
            f'{path} holds no weights of a SAM {prefix.rstrip(".")}: set '
            'sam_checkpoint to a file of segment_anything, transformers or '
            'mmpretrain'
        )
    wrong = [n for n in matched if state[n].shape != wanted[n].shape]
    if wrong:
        raise InputError(_of_another_arch(path, wrong[0], state, wanted))
    module.load_state_dict(state, strict=False)
    print_log(
        f'{type(module).__name__}: {len(matched)} of {len(wanted)} tensors '
        f'loaded from {path}, {len(missing)} missing, '
        f'{len(unexpected)} not used',
        'current',
    )
    return LoadReport(matched, missing, unexpected)


def read_sam_weights(path: Path, prefix: str = '') -> StateDict:
    """Read a file, or what one part of SAM needs of it.

    Returns:
        Tensors under segment_anything's names, at least those that start
        with `prefix`.

    Raises:
        InputError: The file is missing or is no checkpoint.
    """
    if not path.is_file():
        raise InputError(
            f'sam_checkpoint {path} does not exist: download '
            f'{_official_name(path)} from the model checkpoints of the '
            'segment-anything README and put it there, or set sam_checkpoint '
            'to where it is'
        )
    key = path, path.stat().st_mtime_ns
    wants_encoder = not prefix or prefix.startswith(_ENCODER)
    if key in _read_before and not wants_encoder:
        return _read_before[key]
    state = _read(path)
    _read_before.clear()
    _read_before[key] = {
        name: value
        for name, value in state.items()
        if not name.startswith(_ENCODER)
    }
    return state


def _official_name(path: Path) -> str:
    if path.name in OFFICIAL_FILES.values():
        return path.name
    return 'one of ' + ', '.join(OFFICIAL_FILES.values())


def _read(path: Path) -> StateDict:
    state = read_checkpoint(str(path))['state_dict']
    state = {k.removeprefix('module.'): v for k, v in state.items()}
    if any(name.startswith('vision_encoder.') for name in state):
        return hf_to_sam(state)
    names = {k.removeprefix('backbone.'): v for k, v in state.items()}
    if 'patch_embed.projection.weight' in names:
        return mmpretrain_to_sam(names)
    return state


def _of_another_arch(
    path: Path, name: str, state: StateDict, wanted: StateDict
) -> str:
    theirs, ours = _arch_of(state), _arch_of(wanted)
    if theirs is None:
        return (
            f'{path} is of another architecture than sam_arch asks for: '
            f'{name} is {tuple(state[name].shape)} there and '
            f'{tuple(wanted[name].shape)} here'
        )
    message = (
        f'{path} holds {theirs}, sam_arch asks for '
        f"{ours or 'other sizes'}: set sam_arch='{theirs}'"
    )
    if ours in OFFICIAL_FILES:
        message += f' or give {OFFICIAL_FILES[ours]}'
    return message


def _arch_of(state: StateDict) -> str | None:
    """Name the architecture of an encoder, or of a whole SAM, by its width."""
    for name, arch in SAM_ARCHS.items():
        for prefix in ('', _ENCODER):
            pos_embed = state.get(prefix + 'pos_embed')
            if pos_embed is not None and pos_embed.shape[-1] == arch.embed_dim:
                return name
    return None
