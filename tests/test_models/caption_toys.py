"""Small decoders for the tests of captions."""

import torch

from mmrs.models.change.decoders import (
    CaptionDecoder,
    PrefixGPTDecoder,
    PrefixMambaDecoder,
    TransformerCaptionDecoder,
)
from mmrs.structures.vocabulary import END, NULL

KINDS = {
    'transformer': (TransformerCaptionDecoder, dict(heads=4)),
    'gpt': (PrefixGPTDecoder, dict(heads=4, num_positions=64)),
    'mamba': (PrefixMambaDecoder, dict(state_dims=4)),
}


def build(kind: str, **kwargs) -> CaptionDecoder:
    """11 words, of which sentences have 9 at most; 16 channels."""
    cls, sizes = KINDS[kind]
    settings = dict(embed_dims=16, num_words=11, max_length=9) | sizes
    return cls(**(settings | kwargs))


def lively(
    kind: str, seed: int = 0, end: float = 0.0, null: float = 0.0, **kwargs
) -> CaptionDecoder:
    """A decoder whose scores depend on all that it reads.

    Args:
        kind: Of KINDS.
        seed: Of its weights.
        end: Makes sentences end.
        null: Makes ``<NULL>`` be written.
        **kwargs: Of the decoder.
    """
    torch.manual_seed(seed)
    decoder = build(kind, **kwargs).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.5)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        decoder.wdc.bias[END] += end
        decoder.wdc.bias[NULL] += null
    return decoder


def visual_tokens(images: int, num: int = 6, dims: int = 16) -> torch.Tensor:
    return 1.5 * torch.randn(images, num, dims)
