"""Triton kernels of the short convolution along orders.

A program computes a tile of ROWS steps, or tokens, by BLOCK channels. The
convolution of path k at step t, before its activation, is

    s[t] = bias + sum_i weight[i] x[token of step t - (TAPS - 1) + i]

with zeros before the first step, and its output is s sigmoid(s).
"""

import triton
import triton.language as tl

from .triton_orders import load_walk, visit
from .triton_scan import sigmoid


@triton.jit
def load_steps(source, walk, t, length, stride, channel, real, STRIDED):
    """Load the tokens of steps t, (ROWS, BLOCK); zeros outside the walk."""
    inside = (t >= 0) & (t < length)
    token = visit(walk, tl.maximum(t, 0), length, STRIDED).to(tl.int64)
    return tl.load(
        source + token[:, None] * stride + channel[None, :],
        mask=inside[:, None] & real[None, :],
        other=0.0,
    ).to(tl.float32)


@triton.jit
def conv(
    x,
    weight,
    bias,
    formulas,
    table,
    y,
    length,
    channels,
    paths,
    tables,
    x_sequence,
    x_token,
    TAPS: tl.constexpr,
    STRIDED: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Convolve a tile of steps of one path.

    Args:
        x: (M, L, D).
        weight: (TAPS, D).
        bias: (D,) or None.
        formulas: As of `Walks`.
        table: As of `Walks`.
        y: (M, K, L, D).
        length: L.
        channels: D.
        paths: K.
        tables: As of `Walks`.
        x_sequence: Elements between two sequences of `x`.
        x_token: Elements between two tokens of `x`.
        TAPS: Of the convolution.
        STRIDED: As of `Walks`.
        ROWS: Steps of the tile.
        BLOCK: Channels of the tile.
    """
    row, t, channel, real = tile_of_program(length, channels, ROWS, BLOCK)
    sequence, path = row // paths, row % paths
    walk = load_walk(formulas, table, tables, path, sequence, length)
    x += sequence.to(tl.int64) * x_sequence
    value = tl.zeros((ROWS, BLOCK), tl.float32)
    if bias is not None:
        value += load_parameter(bias, channel, real)
    for i in tl.static_range(TAPS):
        step = t - (TAPS - 1) + i
        tap = load_parameter(weight + i * channels, channel, real)
        value += tap * load_steps(
            x, walk, step, length, x_token, channel, real, STRIDED
        )
    token = visit(walk, t, length, STRIDED).to(tl.int64)
    y += row.to(tl.int64) * length * channels
    tl.store(
        y + token[:, None] * channels + channel[None, :],
        (value * sigmoid(value)).to(y.dtype.element_ty),
        mask=(t < length)[:, None] & real[None, :],
    )


@triton.jit
def tile_of_program(length, channels, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """Find the work of this program.

    Returns:
        Sequence or row m K + k; steps or tokens (ROWS,); channels (BLOCK,);
        and which channels there are.
    """
    program = tl.program_id(0)
    blocks = tl.cdiv(channels, BLOCK)
    tiles = tl.cdiv(length, ROWS)
    channel = program % blocks * BLOCK + tl.arange(0, BLOCK)
    t = program // blocks % tiles * ROWS + tl.arange(0, ROWS)
    return program // blocks // tiles, t, channel, channel < channels


@triton.jit
def load_parameter(source, channel, real):
    """Load channels of a parameter, (1, BLOCK), as float32."""
    value = tl.load(source + channel, mask=real, other=0.0)
    return value.to(tl.float32)[None, :]


@triton.jit
def conv_backward(
    x,
    weight,
    bias,
    grad_y,
    formulas,
    table,
    inverse_formulas,
    inverse_table,
    grad_x,
    grad_weight,
    grad_bias,
    length,
    channels,
    paths,
    tables,
    x_sequence,
    x_token,
    TAPS: tl.constexpr,
    STRIDED: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Compute the gradients of a tile of tokens, over all paths.

    A token at step t of a path reaches the outputs of the steps t to
    t + TAPS - 1, whose sums are computed again.

    Arguments are those of `conv`, `inverse_formulas` and `inverse_table` of
    the inverse orders, `grad_y` (M, K, L, D) and `grad_x` (M, L, D). Partial
    sums are `grad_weight` (M, tiles of tokens, TAPS, D) and `grad_bias`
    (M, tiles of tokens, D), or None.
    """
    sequence, token, channel, real = tile_of_program(
        length, channels, ROWS, BLOCK
    )
    x += sequence.to(tl.int64) * x_sequence
    grad_y += sequence.to(tl.int64) * paths * length * channels
    offset = 0.0
    if bias is not None:
        offset = load_parameter(bias, channel, real)
    weights, sums = (), ()
    for i in tl.static_range(TAPS):
        weights = weights + (
            load_parameter(weight + i * channels, channel, real),
        )
        sums = sums + (tl.zeros((BLOCK,), tl.float32),)
    sum_bias = tl.zeros((BLOCK,), tl.float32)
    total = tl.zeros((ROWS, BLOCK), tl.float32)
    for path in range(paths):
        walk = load_walk(formulas, table, tables, path, sequence, length)
        back = load_walk(
            inverse_formulas, inverse_table, tables, path, sequence, length
        )
        # What is beyond the last token stands beyond the last step.
        t = visit(back, token, length, STRIDED)
        t = tl.where(token < length, t, length)
        around = ()  # x from TAPS - 1 steps before to TAPS - 1 after
        for i in tl.static_range(2 * TAPS - 1):
            step = t - (TAPS - 1) + i
            around = around + (
                load_steps(
                    x, walk, step, length, x_token, channel, real, STRIDED
                ),
            )
        for later in tl.static_range(TAPS):
            value = tl.zeros((ROWS, BLOCK), tl.float32) + offset
            for i in tl.static_range(TAPS):
                value += weights[i] * around[later + i]
            opening = sigmoid(value)
            grad = load_steps(
                grad_y,
                walk,
                t + later,
                length,
                channels,
                channel,
                real,
                STRIDED,
            )
            grad *= opening * (1 + value * (1 - opening))
            total += weights[TAPS - 1 - later] * grad
            if later == 0:
                sum_bias += tl.sum(grad, axis=0)
                updated = ()
                for i in tl.static_range(TAPS):
                    part = tl.sum(grad * around[i], axis=0)
                    updated = updated + (sums[i] + part,)
                sums = updated
        grad_y += length * channels
    grad_x += sequence.to(tl.int64) * length * channels
    tl.store(
        grad_x + token.to(tl.int64)[:, None] * channels + channel[None, :],
        total.to(grad_x.dtype.element_ty),
        mask=(token < length)[:, None] & real[None, :],
    )
    tile = tl.program_id(0) // tl.cdiv(channels, BLOCK)
    grad_weight += tile.to(tl.int64) * TAPS * channels
    for i in tl.static_range(TAPS):
        tl.store(grad_weight + i * channels + channel, sums[i], mask=real)
    if bias is not None:
        grad_bias += tile.to(tl.int64) * channels
        tl.store(grad_bias + channel, sum_bias, mask=real)
