"""Runs RSCaMa on the inputs of a parity file; see check_parity.py."""

import torch
from torch import Tensor

from mmrs.models.change.decoders import CaptionDecoder
from mmrs.models.change.released import (
    decoder_converter,
    infer_decoder,
    strip_part,
)
from mmrs.models.change.search import as_released, beam_search
from mmrs.models.rscama.converters import convert_neck
from mmrs.models.rscama.neck import CaMaNeck
from mmrs.registry import MODELS

Pairs = dict[str, tuple[Tensor, Tensor]]


@torch.no_grad()
def run_parity(
    method: str,
    meta: dict,
    state_dict: dict[str, Tensor],
    io: dict[str, Tensor],
) -> Pairs:
    """Build the neck and the decoders of a parity file and run its input.

    Args:
        method: ``'rscama'``.
        meta: Sizes that weights do not show: ``feat_hw``, ``heads``,
            ``max_len``, ``gpt2``.
        state_dict: Weights under the authors' names: ``encoder.`` (the neck)
            and ``decoder_KIND.``.
        io: ``feat_a``, ``feat_b``, captions and the authors' outputs.

    Returns:
        Name of each output -> (ours, the authors').
    """
    left = dict(state_dict)
    neck = _build_neck(convert_neck(strip_part(left, 'encoder')), meta)
    maps = [
        (
            io[f'feat_{date}']
            .transpose(1, 2)
            .unflatten(2, (meta['feat_hw'], -1)),
        )
        for date in 'ab'
    ]
    tokens = neck(*maps)
    pairs = {'enc_out': (tokens.transpose(1, 2), io['enc_out'])}
    kinds = [n.removesuffix('_logits') for n in io if n.endswith('_logits')]
    for kind in kinds:
        weights = strip_part(left, f'decoder_{kind}')
        decoder = _build_decoder(decoder_converter('')(weights), meta)
        # A constant table in checkpoints, but drawn at random in the file.
        decoder.positions.copy_(weights['position_encoding.pe'].squeeze(1))
        pairs |= _run_decoder(kind, decoder, tokens, io)
    if left:
        raise ValueError(f'{next(iter(left))} and others were not used')
    return pairs


def _build_neck(state_dict: dict[str, Tensor], meta: dict) -> CaMaNeck:
    weights = {
        name.removeprefix('caption_neck.'): value
        for name, value in state_dict.items()
    }
    conv = weights['layers.0.spatial.0.conv1d.weight']
    dims = len(weights['shared_norm.weight'])
    neck = CaMaNeck(
        dims,
        num_layers=meta['layers'],
        grid=len(weights['positions.col']),
        expand=len(conv) // dims,
        conv_kernel=conv.shape[2],
        state_dims=weights['layers.0.spatial.0.A_log'].shape[1],
        dt_rank=weights['layers.0.spatial.0.dt_proj.weight'].shape[1],
    )
    neck.load_state_dict(weights)
    return neck.eval()


def _build_decoder(
    state_dict: dict[str, Tensor], meta: dict
) -> CaptionDecoder:
    config = infer_decoder(state_dict) | dict(max_length=meta['max_len'])
    if config['type'] == 'TransformerCaptionDecoder':
        config['heads'] = meta['heads']
    if config['type'] == 'PrefixGPTDecoder':
        config['heads'] = meta['gpt2']['n_head']
    decoder = MODELS.build(config)
    decoder.load_state_dict(state_dict)
    return decoder.eval()


def _run_decoder(
    kind: str, decoder: CaptionDecoder, tokens: Tensor, io: dict
) -> Pairs:
    lengths = io['caption_lengths']
    order = lengths.argsort(descending=True, stable=True)
    logits = decoder(io['caption_ids'][order], tokens[order])
    pairs = {f'{kind}_logits': (logits, io[f'{kind}_logits'])}
    for beams, name in ((1, 'greedy'), (3, 'beam3')):
        captions = beam_search(decoder, tokens, beams)
        for i, caption in enumerate(captions):
            key = f'{kind}_{name}_{i}'
            if key in io:
                pairs[key] = as_released(caption), io[key].float()
    return pairs
