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
    exp2,
    fma,
    horizontal_sum,
    load,
    mul,
    prefetch,
    sigmoid,
    softplus,
    splat,
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
    B,  # (M * K * L * G * N,)
    C,  # (M * K * L * G * N,)
    skip,  # (K * D,)
    z,  # (M * L * D,); empty without a gate
    bias,  # (K * D,)
    use_softplus,
    num_groups,
    num_states,
    y,  # out: (M * K * L * D,)
    last_state,  # out: (M * K * N * D,)
    kept,  # out: states (M * K * S * N * D,); empty if none are kept
):
    _, num_paths, length = rows.shape
    channels = len(skip) // num_paths
    num_kept = (length + STEPS - 1) // STEPS
    gated, keeping = len(z) > 0, len(kept) > 0
    for unit in range(len(units)):
        m, k, group, first, last = units[unit]
        path, width = m * num_paths + k, last - first
        state = np.zeros(num_states * width, np.float32)
        rate = np.empty(num_states * width, np.float32)
        for n in range(num_states):
            start = (k * num_states + n) * channels
            rate[n * width : (n + 1) * width] = rates[
                start + first : start + last
            ]
        for t in range(length):
            if keeping and t % STEPS == 0:
                start = (path * num_kept + t // STEPS) * num_states
                for n in range(num_states):
                    to = (start + n) * channels + first
                    kept[to : to + width] = state[n * width : (n + 1) * width]
            row = rows[m, k, t]
            at = (path * length + row) * channels + first
            if t + AHEAD < length:
                later = path * length + rows[m, k, t + AHEAD]
                for c in range(0, width, LINE):
                    prefetch(u, later * channels + first + c)
                    prefetch(delta, later * channels + first + c)
            shared = ((path * length + row) * num_groups + group) * num_states
            for c in range(0, width, LANES):
                step = add(
                    load(delta, at + c), load(bias, k * channels + first + c)
                )
                if use_softplus:
                    step = softplus(step)
                value = load(u, at + c)
                x = mul(step, value)
                total = mul(load(skip, k * channels + first + c), value)
                for n in range(num_states):
                    here = n * width + c
                    decay = exp2(mul(step, load(rate, here)))
                    h = fma(
                        load(state, here), decay, mul(x, splat(B[shared + n]))
                    )
                    store(state, here, h)
                    total = fma(h, splat(C[shared + n]), total)
                if gated:
                    gate = load(z, (m * length + row) * channels + first + c)
                    total = mul(total, mul(gate, sigmoid(gate)))
                store(y, at + c, total)
        for n in range(num_states):
            to = (path * num_states + n) * channels + first
            last_state[to : to + width] = state[n * width : (n + 1) * width]


@njit(nogil=True, cache=True)
def scan_backward(
    units,  # as of scan_forward
    rows,
    u,
    delta,
    rates,
    B,
    C,
    skip,
    z,
    bias,
    use_softplus,
    num_groups,
    num_states,
    slopes,  # A as (K * N * D,)
    kept,
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
    _, num_paths, length = rows.shape
    channels = len(skip) // num_paths
    num_kept = (length + STEPS - 1) // STEPS
    gated = len(z) > 0
    zero = splat(ZERO)
    decays = np.empty(STEPS * num_states * LANES, np.float32)
    states = np.empty((STEPS + 1) * num_states * LANES, np.float32)
    lanes_B = np.empty(STEPS * num_states * LANES, np.float32)
    lanes_C = np.empty(STEPS * num_states * LANES, np.float32)
    for unit in range(len(units)):
        m, k, group, first, last = units[unit]
        path, width = m * num_paths + k, last - first
        adjoint = np.zeros(num_states * width, np.float32)
        grad_rate = np.zeros(num_states * width, np.float32)
        rate = np.empty(num_states * width, np.float32)
        slope = np.empty(num_states * width, np.float32)
        for n in range(num_states):
            here = slice(n * width, (n + 1) * width)
            start = (k * num_states + n) * channels
            rate[here] = rates[start + first : start + last]
            slope[here] = slopes[start + first : start + last]
        for c in range(0, width, LANES):
            store(grad_skip, path * channels + first + c, zero)
            store(grad_bias, path * channels + first + c, zero)
        for chunk in range(num_kept - 1, -1, -1):
            start = chunk * STEPS
            count = min(STEPS, length - start)
            lanes_B[:] = ZERO
            lanes_C[:] = ZERO
            for c in range(0, width, LANES):
                own = k * channels + first + c  # in arrays (K, D)
                shared_bias, shared_skip = load(bias, own), load(skip, own)
                # The states of this chunk, from the one that was kept.
                for n in range(num_states):
                    kept_at = (path * num_kept + chunk) * num_states + n
                    store(
                        states,
                        n * LANES,
                        load(kept, kept_at * channels + first + c),
                    )
                for i in range(count):
                    row = path * length + rows[m, k, start + i]
                    at = row * channels + first + c
                    step = add(load(delta, at), shared_bias)
                    if use_softplus:
                        step = softplus(step)
                    x = mul(step, load(u, at))
                    in_B = (row * num_groups + group) * num_states
                    for n in range(num_states):
                        here = (i * num_states + n) * LANES
                        decay = exp2(mul(step, load(rate, n * width + c)))
                        h = fma(
                            load(states, here),
                            decay,
                            mul(x, splat(B[in_B + n])),
                        )
                        store(decays, here, decay)
                        store(states, here + num_states * LANES, h)
                # Back through the chunk with the adjoint state.
                sum_skip, sum_bias = zero, zero
                for i in range(count - 1, -1, -1):
                    token = rows[m, k, start + i]
                    row = path * length + token
                    at = row * channels + first + c
                    raw = add(load(delta, at), shared_bias)
                    step = softplus(raw) if use_softplus else raw
                    value = load(u, at)
                    x = mul(step, value)
                    grad = load(grad_y, at)
                    if gated:
                        gate = load(
                            z, (m * length + token) * channels + first + c
                        )
                        sigma = sigmoid(gate)
                        grad_out = mul(grad, mul(gate, sigma))
                    else:
                        gate, sigma, grad_out = zero, zero, grad
                    out = mul(shared_skip, value)
                    grad_x, grad_step = zero, zero
                    in_B = (row * num_groups + group) * num_states
                    for n in range(num_states):
                        here = (i * num_states + n) * LANES
                        there = n * width + c
                        h = load(states, here + num_states * LANES)
                        in_C = splat(C[in_B + n])
                        out = fma(in_C, h, out)
                        store(
                            lanes_C,
                            here,
                            fma(grad_out, h, load(lanes_C, here)),
                        )
                        lam = fma(in_C, grad_out, load(adjoint, there))
                        grad_x = fma(lam, splat(B[in_B + n]), grad_x)
                        store(lanes_B, here, fma(lam, x, load(lanes_B, here)))
                        lam = mul(lam, load(decays, here))
                        store(adjoint, there, lam)
                        through = mul(lam, load(states, here))
                        grad_step = fma(through, load(slope, there), grad_step)
                        store(
                            grad_rate,
                            there,
                            fma(through, step, load(grad_rate, there)),
                        )
                    grad_step = fma(grad_x, value, grad_step)
                    if use_softplus:
                        grad_step = mul(grad_step, sigmoid(raw))
                    store(grad_delta, at, grad_step)
                    store(
                        grad_u,
                        at,
                        fma(grad_x, step, mul(shared_skip, grad_out)),
                    )
                    sum_skip = fma(grad_out, value, sum_skip)
                    sum_bias = add(grad_step, sum_bias)
                    if gated:
                        # d silu(z) / dz = s (1 + z (1 - s))
                        one = splat(ONE)
                        bend = fma(gate, sub(one, sigma), one)
                        store(
                            grad_z, at, mul(mul(grad, out), mul(sigma, bend))
                        )
                own = path * channels + first + c  # in arrays (M, K, D)
                store(grad_skip, own, add(load(grad_skip, own), sum_skip))
                store(grad_bias, own, add(load(grad_bias, own), sum_bias))
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
        for n in range(num_states):
            to = (path * num_states + n) * channels + first
            grad_slopes[to : to + width] = grad_rate[
                n * width : (n + 1) * width
            ]


@njit(nogil=True, cache=True)
def conv_forward(
    units,  # (U, 3) int64: sequence, first and last channel
    rows,  # (M, K, L) int32
    x,  # (M * L * D,)
    weight,  # (W * D,)
    bias,  # (D,)
    y,  # out: (M * K * L * D,)
):
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
