"""What the released checkpoints of the family share: parts, and decoders."""

import re
from collections.abc import Callable

from torch import Tensor

from mmrs.errors import InputError

__all__ = ['decoder_converter', 'infer_decoder', 'strip_part']

StateDict = dict[str, Tensor]

# Recomputed, or not used by any output.
_IDLE = re.compile(
    r'position_encoding\..*|transformer\.layers\.\d+\.fc_alpha\d\..*'
    r'|Mamba\.\d+\.embeddings\.weight|GPT\.\d+\.wte\.weight'
)
_KEPT = r'(vocab_embedding\.weight|wdc\.(?:weight|bias))'


def strip_part(state_dict: StateDict, part: str) -> StateDict:
    """Take the weights of a part out of a state dict.

    Args:
        state_dict: The part's weights are removed from it.
        part: The name before ``_dict.`` or ``.``.

    Returns:
        The weights, without the part's name.
    """
    pattern = re.compile(rf'{part}(_dict)?\.')
    names = [name for name in state_dict if pattern.match(name)]
    return {
        pattern.sub('', name, count=1): state_dict.pop(name) for name in names
    }


def decoder_converter(prefix: str) -> Callable[[StateDict], StateDict]:
    """Make a function that renames the weights of a decoder.

    Args:
        prefix: Comes before our names.
    """

    def convert(state_dict: StateDict) -> StateDict:
        """Rename the weights of any of the three decoders."""
        converted = {}
        for name, value in state_dict.items():
            if not _IDLE.fullmatch(name):
                new, value = _rename(name, value)
                converted[prefix + new] = value
        return converted

    return convert


def _rename(name: str, value: Tensor) -> tuple[str, Tensor]:
    if re.fullmatch(_KEPT, name):
        return name, value
    found = re.fullmatch(r'transformer\.(layers\..+)', name)
    if found:
        return found[1], value
    found = re.fullmatch(r'Mamba\.(\d+)\.(?:layers\.0\.)?(.+)', name)
    if found:
        return f'models.{found[1]}.{found[2]}', value
    found = re.fullmatch(r'GPT\.(\d+)\.(?:h\.0\.)?(.+)', name)
    if found:
        new = found[2].removeprefix('attn.')
        # GPT-2 stores matrices input first, as convolutions.
        if new.startswith(('c_attn', 'c_proj', 'mlp')) and value.ndim == 2:
            value = value.t().contiguous()
        new = new.replace('mlp.c_fc', 'mlp.0').replace('mlp.c_proj', 'mlp.2')
        return f'models.{found[1]}.{new}', value
    raise InputError(f'{name} is no weight of a decoder of the authors')


def infer_decoder(state_dict: StateDict) -> dict:
    """Read the kind and the sizes of a decoder off our names of its weights.

    Returns:
        Its config, without the number of heads, which weights do not show.
    """
    embedding = state_dict['vocab_embedding.weight']
    config = dict(num_words=embedding.shape[0], embed_dims=embedding.shape[1])
    kind = 'layers' if 'layers.0.norm1.weight' in state_dict else 'models'
    numbers = {
        int(name.split('.')[1])
        for name in state_dict
        if name.startswith(f'{kind}.')
    }
    config['num_layers'] = len(numbers)
    if kind == 'layers':
        hidden = len(state_dict['layers.0.linear1.weight'])
        return config | dict(type='TransformerCaptionDecoder', hidden=hidden)
    if 'models.0.wpe.weight' in state_dict:
        positions = len(state_dict['models.0.wpe.weight'])
        return config | dict(type='PrefixGPTDecoder', num_positions=positions)
    states = state_dict['models.0.mixer.A_log'].shape[1]
    return config | dict(type='PrefixMambaDecoder', state_dims=states)
