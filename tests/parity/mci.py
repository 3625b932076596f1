"""Runs MCI on the inputs of a parity file; see check_parity.py."""

import torch
from torch import Tensor

from mmrs.models.change.change_interpreter import ChangeInterpreter
from mmrs.models.change.search import as_released, beam_search
from mmrs.models.mci.converters import convert_released, infer_model
from mmrs.registry import MODELS

Pairs = dict[str, tuple[Tensor, Tensor]]


@torch.no_grad()
def run_parity(
    method: str,
    meta: dict,
    state_dict: dict[str, Tensor],
    io: dict[str, Tensor],
) -> Pairs:
    """Build the network of a parity file and run its input.

    Args:
        method: ``'mci'``.
        meta: Sizes that weights do not show: ``heads``, ``max_len``.
        state_dict: Weights under the authors' names.
        io: ``img_a``, ``img_b``, captions and the authors' outputs.

    Returns:
        Name of each output -> (ours, the authors').
    """
    state_dict = convert_released(state_dict)
    config = infer_model(state_dict, meta['heads'], meta['max_len'])
    model: ChangeInterpreter = MODELS.build(config)
    model.load_state_dict(state_dict)
    model.eval()
    maps_a, maps_b = model.backbone(io['img_a']), model.backbone(io['img_b'])
    pairs = {
        f'backbone_a_{i}': (ours, io[f'backbone_a_{i}'])
        for i, ours in enumerate(maps_a)
    }
    cap_a, cap_b = model.caption_neck.interact(maps_a, maps_b)
    pairs['cap_feat_a'] = cap_a, io['cap_feat_a']
    pairs['cap_feat_b'] = cap_b, io['cap_feat_b']
    logits = model.mask_head(*model.mask_neck(maps_a, maps_b))
    pairs['seg_logits'] = logits, io['seg_logits']

    tokens = model.caption_neck.merge(cap_a, cap_b)
    decoder = model.caption_head.decoder
    words = decoder(io['caption_ids'], tokens)
    pairs['caption_logits'] = words, io['caption_logits']
    for beams, name in ((1, 'greedy'), (3, 'beam3')):
        caption = beam_search(decoder, tokens, beams)[0]
        pairs[name] = as_released(caption), io[name].float()
    return pairs
