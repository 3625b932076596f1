"""The scan and the convolution as SIMD code, generated at first use.

A unit of work is a path of a sequence and up to 128 of its channels. It walks
over time, and at each step over its channels, LANES of them in a vector; the
states of the unit stay in the first-level cache. All arrays are flat float32
ones with the layouts of :class:`~.problem.Problem`; what a unit shares with
others is written to a part of its own and summed afterwards, so the result
depends on neither the number nor the order of threads.
"""

import numpy as np
from numba import njit

from .simd import (
    LANES,
    add,
    clamp,
    exp2_of_product,
    fma,
    horizontal_sum,
    load,
    mul,
    prefetch,
    sigmoid,
    softplus,
    splat,
    splat_load,
    store,
    sub,
)

STEPS = 16  # between two states that are kept for the backward pass
AHEAD = 8  # steps that rows are asked for before they are needed
LINE = 16  # float32 values in a line of the cache

ZERO, ONE = np.float32(0), np.float32(1)


@njit(nogil=True, cache=True)
def scan_forward(
    units,  # (U, 5) int64: sequence, path, group, first and last channel
    rows,  # (M, K, L) int32
    u,  # (M * K * L * D,)
    delta,  # (M * K * L * D,)
    rates,  # A log2(e) as (K * N * D,)
    lowest,  # (K * D,), steps from here to `highest` do not let exp2 overflow
    highest,  # (K * D,)
    B,  # (M * K * L * G * N,)
    C,  # (M * K * L * G * N,)
    skip,  # (K * D,)
    bias,  # (K * D,)
    use_softplus,
    num_groups,
    num_states,
    gate,  # silu(z) as (M * L * D,); empty without a gate
    y,  # out: (M * K * L * D,)
    last_state,  # out: (M * K * N * D,)
    kept,  # out: states (M * K * S * N * D,); empty if none are kept
):
    """Fill the outputs, the last states and the kept ones."""
    _, num_paths, length = rows.shape
    channels = len(skip) // num_paths
    num_kept = (length + STEPS - 1) // STEPS
    gated, keeping = len(gate) > 0, len(kept) > 0
    for unit in range(len(units)):
        m, k, group, first, last = units[unit]
        path, width = m * num_paths + k, last - first
        # Rate and state of a vector of channels, one after the other.
        cache = np.empty(2 * num_states * width, np.float32)
        for c in range(0, width, LANES):
            for n in range(num_states):
                here = 2 * (c * num_states + n * LANES)
                source = (k * num_states + n) * channels + first + c
                store(cache, here, load(rates, source))
                store(cache, here + LANES, splat(ZERO))
        steps = np.empty(width, np.float32)
        drives = np.empty(width, np.float32)
        for t in range(length):
            if keeping and t % STEPS == 0:
                start = (path * num_kept + t // STEPS) * num_states
                for c in range(0, width, LANES):
                    for n in range(num_states):
                        here = 2 * (c * num_states + n * LANES)
                        to = (start + n) * channels + first + c
                        store(kept, to, load(cache, here + LANES))
            row = path * length + rows[m, k, t]
            at = row * channels + first
            if t + AHEAD < length:
                later = path * length + rows[m, k, t + AHEAD]
                for c in range(0, width, LINE):
                    prefetch(u, later * channels + first + c)
                    prefetch(delta, later * channels + first + c)
            # Three loops, so that long chains of instructions of one vector
            # overlap with those of the next.
            for c in range(0, width, LANES):
                own = k * channels + first + c
                step = add(load(delta, at + c), load(bias, own))
                if use_softplus:
                    step = softplus(step)
                store(drives, c, mul(step, load(u, at + c)))
                step = clamp(step, load(lowest, own), load(highest, own))
                store(steps, c, step)
            shared = (row * num_groups + group) * num_states
            for c in range(0, width, LANES):
                step, x = load(steps, c), load(drives, c)
                total = splat(ZERO)
                for n in range(num_states):
                    here = 2 * (c * num_states + n * LANES)
                    decay = exp2_of_product(step, load(cache, here))
                    drive = mul(x, splat_load(B, shared + n))
                    h = fma(load(cache, here + LANES), decay, drive)
                    store(cache, here + LANES, h)
                    total = fma(h, splat_load(C, shared + n), total)
                store(y, at + c, total)
            for c in range(0, width, LANES):
                own = k * channels + first + c
                total = fma(load(skip, own), load(u, at + c), load(y, at + c))
                if gated:
                    token = m * length + rows[m, k, t]
                    total = mul(
                        total, load(gate, token * channels + first + c)
                    )
                store(y, at + c, total)
        for c in range(0, width, LANES):
            for n in range(num_states):
                here = 2 * (c * num_states + n * LANES)
                to = (path * num_states + n) * channels + first + c
                store(last_state, to, load(cache, here + LANES))


@njit(nogil=True, cache=True)
def scan_backward(
    units,  # as of scan_forward
    rows,
    u,
    delta,
    rates,
    lowest,
    highest,
    B,
    C,
    skip,
    bias,
    use_softplus,
    num_groups,
    num_states,
    gate,
    bend,  # d silu(z) / dz as (M * L * D,); empty without a gate
    slopes,  # A as (K * N * D,)
    kept,  # as scan_forward wrote it
    grad_y,  # (M * K * L * D,)
    grad_u,  # out: (M * K * L * D,)
    grad_delta,  # out: (M * K * L * D,)
    grad_z,  # out: one path's share (M * K * L * D,); empty without a gate
    grad_slopes,  # out: one sequence's share (M * K * N * D,)
    grad_skip,  # out: one sequence's share (M * K * D,)
    grad_bias,  # out: one sequence's share (M * K * D,)
    grad_B,  # out: one unit's share (U, L, N)
    grad_C,  # out: one unit's share (U, L, N)
):
    """Fill the gradients, walking back with the adjoint state."""
    _, num_paths, length = rows.shape
    channels = len(skip) // num_paths
    num_kept = (length + STEPS - 1) // STEPS
    gated = len(gate) > 0
    zero, one = splat(ZERO), splat(ONE)
    # One vector of channels over the steps between two kept states.
    steps = np.empty(STEPS * LANES, np.float32)
    step_slopes = np.empty(STEPS * LANES, np.float32)
    drives = np.empty(STEPS * LANES, np.float32)
    decays = np.empty(STEPS * num_states * LANES, np.float32)
    states = np.empty((STEPS + 1) * num_states * LANES, np.float32)
    # The gradients of B and C, their sums over channels not yet over lanes.
    lanes_B = np.empty(STEPS * num_states * LANES, np.float32)
    lanes_C = np.empty(STEPS * num_states * LANES, np.float32)
    for unit in range(len(units)):
        m, k, group, first, last = units[unit]
        path, width = m * num_paths + k, last - first
        # Rate, slope, adjoint state and gradient of A of every vector.
        cache = np.empty(4 * num_states * width, np.float32)
        for c in range(0, width, LANES):
            for n in range(num_states):
                here = 4 * (c * num_states + n * LANES)
                source = (k * num_states + n) * channels + first + c
                store(cache, here, load(rates, source))
                store(cache, here + LANES, load(slopes, source))
                store(cache, here + 2 * LANES, zero)
                store(cache, here + 3 * LANES, zero)
            store(grad_skip, path * channels + first + c, zero)
            store(grad_bias, path * channels + first + c, zero)
        for chunk in range(num_kept - 1, -1, -1):
            start = chunk * STEPS
            count = min(STEPS, length - start)
            lanes_B[:] = ZERO
            lanes_C[:] = ZERO
            for c in range(0, width, LANES):
                own = k * channels + first + c  # in arrays (K, D)
                for i in range(count):
                    row = path * length + rows[m, k, start + i]
                    at = row * channels + first + c
                    raw, slope = add(load(delta, at), load(bias, own)), one
                    step = raw
                    if use_softplus:
                        step, slope = softplus(raw), sigmoid(raw)
                    store(steps, i * LANES, step)
                    store(step_slopes, i * LANES, slope)
                    store(drives, i * LANES, mul(step, load(u, at)))
                # The states of this chunk, from the one that was kept.
                for n in range(num_states):
                    source = (path * num_kept + chunk) * num_states + n
                    source = source * channels + first + c
                    store(states, n * LANES, load(kept, source))
                for i in range(count):
                    row = path * length + rows[m, k, start + i]
                    shared = (row * num_groups + group) * num_states
                    step, x = load(steps, i * LANES), load(drives, i * LANES)
                    step = clamp(step, load(lowest, own), load(highest, own))
                    for n in range(num_states):
                        here = (i * num_states + n) * LANES
                        rate = load(cache, 4 * (c * num_states + n * LANES))
                        decay = exp2_of_product(step, rate)
                        drive = mul(x, splat_load(B, shared + n))
                        h = fma(load(states, here), decay, drive)
                        store(decays, here, decay)
                        store(states, here + num_states * LANES, h)
                # Back through the chunk with the adjoint state.
                sum_skip, sum_bias = zero, zero
                for i in range(count - 1, -1, -1):
                    token = rows[m, k, start + i]
                    row = path * length + token
                    at = row * channels + first + c
                    shared = (row * num_groups + group) * num_states
                    step, x = load(steps, i * LANES), load(drives, i * LANES)
                    value = load(u, at)
                    grad_out = load(grad_y, at)
                    if gated:
                        of_gate = (m * length + token) * channels + first + c
                        grad_out = mul(grad_out, load(gate, of_gate))
                    out = mul(load(skip, own), value)
                    grad_x, grad_step = zero, zero
                    for n in range(num_states):
                        here = (i * num_states + n) * LANES
                        there = 4 * (c * num_states + n * LANES)
                        h = load(states, here + num_states * LANES)
                        in_C = splat_load(C, shared + n)
                        out = fma(in_C, h, out)
                        store(
                            lanes_C,
                            here,
                            fma(grad_out, h, load(lanes_C, here)),
                        )
                        adjoint = fma(
                            in_C, grad_out, load(cache, there + 2 * LANES)
                        )
                        grad_x = fma(
                            adjoint, splat_load(B, shared + n), grad_x
                        )
                        store(
                            lanes_B,
                            here,
                            fma(adjoint, x, load(lanes_B, here)),
                        )
                        adjoint = mul(adjoint, load(decays, here))
                        store(cache, there + 2 * LANES, adjoint)
                        through = mul(adjoint, load(states, here))
                        grad_step = fma(
                            through, load(cache, there + LANES), grad_step
                        )
                        store(
                            cache,
                            there + 3 * LANES,
                            fma(through, step, load(cache, there + 3 * LANES)),
                        )
                    grad_step = fma(grad_x, value, grad_step)
                    grad_step = mul(grad_step, load(step_slopes, i * LANES))
                    store(grad_delta, at, grad_step)
                    through_skip = mul(load(skip, own), grad_out)
                    store(grad_u, at, fma(grad_x, step, through_skip))
                    sum_skip = fma(grad_out, value, sum_skip)
                    sum_bias = add(grad_step, sum_bias)
                    if gated:
                        of_z = mul(load(grad_y, at), load(bend, of_gate))
                        store(grad_z, at, mul(of_z, out))
                here = path * channels + first + c  # in arrays (M, K, D)
                store(grad_skip, here, add(load(grad_skip, here), sum_skip))
                store(grad_bias, here, add(load(grad_bias, here), sum_bias))
            for i in range(count):
                token = rows[m, k, start + i]
                for n in range(num_states):
                    here = (i * num_states + n) * LANES
                    grad_B[unit, token, n] = horizontal_sum(
                        load(lanes_B, here)
                    )
                    grad_C[unit, token, n] = horizontal_sum(
                        load(lanes_C, here)
                    )
        for c in range(0, width, LANES):
            for n in range(num_states):
                here = 4 * (c * num_states + n * LANES)
                to = (path * num_states + n) * channels + first + c
                store(grad_slopes, to, load(cache, here + 3 * LANES))


@njit(nogil=True, cache=True)
def conv_forward(
    units,  # (U, 3) int64: sequence, first and last channel
    rows,  # (M, K, L) int32
    x,  # (M * L * D,)
    weight,  # (W * D,)
    bias,  # (D,)
    y,  # out: (M * K * L * D,)
):
    """Fill the outputs of the convolution."""
    _, num_paths, length = rows.shape
    channels = len(bias)
    taps = len(weight) // channels
    for unit in range(len(units)):
        m, first, last = units[unit]
        for k in range(num_paths):
            path = m * num_paths + k
            for t in range(length):
                if t + AHEAD < length:
                    later = m * length + rows[m, k, t + AHEAD]
                    for c in range(first, last, LINE):
                        prefetch(x, later * channels + c)
                at = (path * length + rows[m, k, t]) * channels
                for c in range(first, last, LANES):
                    total = load(bias, c)
                    for tap in range(max(0, taps - 1 - t), taps):
                        row = m * length + rows[m, k, t - taps + 1 + tap]
                        total = fma(
                            load(x, row * channels + c),
                            load(weight, tap * channels + c),
                            total,
                        )
                    store(y, at + c, mul(total, sigmoid(total)))


@njit(nogil=True, cache=True)
def conv_backward(
    units,  # as of conv_forward
    rows,
    x,
    weight,
    bias,
    grad_y,  # (M * K * L * D,)
    grad_x,  # out: (M * L * D,)
    grad_weight,  # out: one sequence's share (M * W * D,)
    grad_bias,  # out: one sequence's share (M * D,)
):
    """Fill the gradients of the convolution."""
    _, num_paths, length = rows.shape
    channels = len(bias)
    taps = len(weight) // channels
    zero, one = splat(ZERO), splat(ONE)
    for unit in range(len(units)):
        m, first, last = units[unit]
        for c in range(first, last, LANES):
            store(grad_bias, m * channels + c, zero)
            for tap in range(taps):
                store(grad_weight, (m * taps + tap) * channels + c, zero)
            for t in range(length):
                store(grad_x, (m * length + t) * channels + c, zero)
        for k in range(num_paths):
            path = m * num_paths + k
            for t in range(length):
                at = (path * length + rows[m, k, t]) * channels
                oldest = max(0, taps - 1 - t)
                for c in range(first, last, LANES):
                    total = load(bias, c)
                    for tap in range(oldest, taps):
                        row = m * length + rows[m, k, t - taps + 1 + tap]
                        total = fma(
                            load(x, row * channels + c),
                            load(weight, tap * channels + c),
                            total,
                        )
                    sigma = sigmoid(total)
                    bend = fma(total, sub(one, sigma), one)
                    grad = mul(load(grad_y, at + c), mul(sigma, bend))
                    here = m * channels + c
                    store(grad_bias, here, add(load(grad_bias, here), grad))
                    for tap in range(oldest, taps):
                        row = m * length + rows[m, k, t - taps + 1 + tap]
                        source = row * channels + c
                        here = (m * taps + tap) * channels + c
                        store(
                            grad_weight,
                            here,
                            fma(
                                grad, load(x, source), load(grad_weight, here)
                            ),
                        )
                        store(
                            grad_x,
                            source,
                            fma(
                                grad,
                                load(weight, tap * channels + c),
                                load(grad_x, source),
                            ),
                        )
