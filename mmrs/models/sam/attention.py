"""Self-attention with SAM's decomposed relative positions, four ways.

SAM adds to the score of query token q and key token k

    b(q, k) = q . R_h[q_y - k_y] + q . R_w[q_x - k_x]

with the unscaled q. The functions below compute the same attention with
different kernels. All take queries, keys and values `(..., heads, H, W, d)`
and the two bias terms `rel_h (..., heads, H, W, H)` and
`rel_w (..., heads, H, W, W)`, and return `(N, heads, H * W, d)`, where N is
the product of the leading sizes. They may be views with any strides.

* `eager`: the definition, for tests; holds the N x N scores.
* `sdpa`: PyTorch's fused attention with the bias as a mask; holds the bias.
* `flash`: the bias moved into longer queries and keys, so that kernels
  without a bias serve and no N x N array exists.
* `flex`: FlexAttention that adds the bias inside its loop, compiled on CUDA.
  On a CPU PyTorch lacks its backward pass.
"""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Fused kernels want the head width in steps of sixteen bytes of bfloat16.
_WIDTH_STEP = 8


def _tokens(x: Tensor) -> Tensor:
    """`(..., heads, H, W, c)` -> `(N, heads, H * W, c)`."""
    heads, height, width, channels = x.shape[-4:]
    return x.reshape(-1, heads, height * width, channels)


def _bias(rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """Return the whole bias `(N, heads, H * W, H * W)`."""
    bias = _tokens(rel_h)[..., :, None] + _tokens(rel_w)[..., None, :]
    return bias.flatten(-2)


def eager(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor):
    """Attend as the paper writes it: scores, softmax, weighted sum."""
    scale = q.shape[-1] ** -0.5
    q, k, v = _tokens(q), _tokens(k), _tokens(v)
    scores = (q * scale) @ k.transpose(-2, -1) + _bias(rel_h, rel_w)
    return scores.softmax(dim=-1) @ v


def sdpa(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor):
    """Attend by PyTorch's fused kernels with the bias as attention mask."""
    return F.scaled_dot_product_attention(
        _tokens(q), _tokens(k), _tokens(v), attn_mask=_bias(rel_h, rel_w)
    )


def flash(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor):
    """Attend by PyTorch's fused kernels without any bias.

    The bias is a scalar product too: `rel_h(q) . onehot(k_y) + rel_w(q) .
    onehot(k_x)`. So queries `[q * scale, rel_h, rel_w]` and keys `[k,
    onehot(k_y), onehot(k_x)]` give the biased scores. Values are padded with
    zeros because the flash kernels want equal widths.
    """
    height, width, dim = q.shape[-3:]
    spare = -(dim + height + width) % _WIDTH_STEP
    rows = torch.eye(height, dtype=k.dtype, device=k.device)
    columns = torch.eye(width, dtype=k.dtype, device=k.device)
    rows = rows[:, None].expand(*k.shape[:-1], height)
    columns = columns.expand(*k.shape[:-1], width)
    blank = k.new_zeros(()).expand(*k.shape[:-1], spare)
    out = F.scaled_dot_product_attention(
        _tokens(torch.cat([q * dim**-0.5, rel_h, rel_w, blank], dim=-1)),
        _tokens(torch.cat([k, rows, columns, blank], dim=-1)),
        _tokens(F.pad(v, (0, height + width + spare))),
        scale=1.0,
    )
    return out[..., :dim]


def _flex(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor):
    from torch.nn.attention.flex_attention import flex_attention

    width = q.shape[-2]
    rel_h, rel_w = _tokens(rel_h), _tokens(rel_w)

    def add_bias(score, batch, head, query, key):
        return (
            score
            + rel_h[batch, head, query, key // width]
            + rel_w[batch, head, query, key % width]
        )

    return flex_attention(
        _tokens(q), _tokens(k), _tokens(v), score_mod=add_bias
    )


@cache
def _compiled_flex() -> Callable[..., Tensor]:
    return torch.compile(_flex, dynamic=False)


def flex(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor):
    """Attend by FlexAttention, compiled where it runs on CUDA."""
    attend = _compiled_flex() if q.is_cuda else _flex
    return attend(q, k, v, rel_h, rel_w)


ATTENTION = {'eager': eager, 'sdpa': sdpa, 'flash': flash, 'flex': flex}
