"""From the authors' checkpoints to ours.

The authors build on transformers' SAM, and for the LoRA variants on
mmpretrain's; ours is segment_anything's. All other names are the same.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from mmrs.models.sam import hf_to_sam, mmpretrain_to_sam

StateDict = dict[str, Tensor]


class _Part(NamedTuple):
    """A part of SAM inside the authors' network and inside ours.

    Attributes:
        theirs: Its prefix in the authors' checkpoint.
        foreign: The same part's prefix in the library they build on.
        official: The same part's prefix in segment_anything.
        ours: Its prefix in our network.
        convert: From that library's names to segment_anything's.
    """

    theirs: str
    foreign: str
    official: str
    ours: str
    convert: Callable[[StateDict], StateDict]


_LORA = 'base_model.model.'

# The first part whose prefix fits takes the key.
_PARTS = (
    _Part(
        'backbone.vision_encoder.' + _LORA,
        '',
        'image_encoder.',
        'backbone.image_encoder.' + _LORA,
        mmpretrain_to_sam,
    ),
    _Part(
        'backbone.vision_encoder.',
        'vision_encoder.',
        'image_encoder.',
        'backbone.image_encoder.',
        hf_to_sam,
    ),
    _Part(
        'shared_image_embedding.shared_image_embedding.',
        'shared_image_embedding.',
        'prompt_encoder.pe_layer.',
        'shared_image_embedding.',
        hf_to_sam,
    ),
    _Part(
        'roi_head.mask_head.mask_decoder.mask_decoder.',
        'mask_decoder.',
        'mask_decoder.',
        'roi_head.mask_head.mask_decoder.',
        hf_to_sam,
    ),
    _Part(
        'panoptic_head.mask_decoder.mask_decoder.',
        'mask_decoder.',
        'mask_decoder.',
        'panoptic_head.mask_decoder.',
        hf_to_sam,
    ),
    _Part(
        'panoptic_head.sam_mask_embed.',
        'prompt_encoder.mask_embed.',
        'prompt_encoder.mask_downscaling.',
        'panoptic_head.sam_mask_embed.',
        hf_to_sam,
    ),
    _Part('segmentor.sam_model.', '', '', 'segmentor.', hf_to_sam),
)


def convert_released(state_dict: StateDict) -> StateDict:
    """Rename a state dict of the authors' release branch to our names.

    Args:
        state_dict: Of RSPrompter (anchor, query, LoRA), SAM-seg or SAM-det,
            whole: DeepSpeed shards must be merged first.

    Returns:
        The same tensors under our names, for ``load_state_dict(strict=True)``
        of the model of the same config.

    Raises:
        InputError: A key of a SAM part has a name that SAM does not know.
    """
    converted = {}
    rest = dict(state_dict)
    for part in _PARTS:
        keys = [key for key in rest if key.startswith(part.theirs)]
        foreign = {
            part.foreign + key[len(part.theirs) :]: rest.pop(key)
            for key in keys
        }
        for key, value in part.convert(foreign).items():
            converted[part.ours + key[len(part.official) :]] = value
    return converted | rest
