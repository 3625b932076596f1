"""Triton kernels of the selective scan.

A program walks one path of one sequence with BLOCK channels of one group. A
lane owns a channel with all its states: they are the registers of a tile
(N, BLOCK), and sums over states stay in the lane. Loads are issued before
their turn, those of channels a tile of TILE steps ahead, B and C one step.

Where there are few programs, the walk is cut in segments that run at the same
time. A segment takes the state h it starts with to P h + e, where P is the
decay over all its steps and e where it ends if it starts with zero. A first
kernel computes e and the sum of the steps, which gives P; with them, every
segment finds its true start. The adjoint state does the same from the end.

Tensors have the shapes of `Problem`, with these exceptions: states come before
channels, so that A is (K, N, D); B and C are one tensor (M, K, L, G, 2, N) of
float32, so that a step need not convert them; and what passes from program to
program is of programs and slots in place of sequences, paths and channels, a
state being (N, BLOCK). All sums over programs are sums of partial results in
memory, so that every run gives the same bits.
"""

import triton
import triton.language as tl

from .triton_orders import load_walk, visit

TILE = tl.constexpr(4)  # steps whose code is unrolled
KEPT = tl.constexpr(32)  # steps between two kept states; whole tiles
LOG2E = tl.constexpr(1.4426950408889634)
LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + tl.exp2(x * -LOG2E))


@triton.jit
def softplus(x):
    """log(1 + exp(x)), with the precision of log1p where exp(x) is small."""
    e = tl.exp2(x * LOG2E)
    series = e * (1 - e * (0.5 - e * (1 / 3 - e * (0.25 - e * 0.2))))
    value = tl.where(e < 0.0625, series, tl.log2(1 + e) * LN2)
    return tl.where(x > 20, x, value)


@triton.jit
def add_bias(raw, bias):
    """Raw step size with its bias, in float32."""
    raw = raw.to(tl.float32)
    if bias is not None:
        raw += bias
    return raw


@triton.jit
def step_size(raw, inside, SOFTPLUS: tl.constexpr):
    """Length of a step; 0 where there is none, which changes no state."""
    if SOFTPLUS:
        raw = softplus(raw)
    return tl.where(inside, raw, 0.0)


@triton.jit
def advance(state, A, step, x, B):
    """State after a step; A is in units of log2(e)."""
    return tl.exp2(A * step[None, :]) * state + B[:, None] * x[None, :]


@triton.jit
def locate(
    channels,
    paths,
    groups,
    blocks,
    STATES: tl.constexpr,
    N: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Find the work of this program; neighbours have the same B and C.

    Returns:
        Row m K + k, int64; sequence; path; group; block in the group; the
        channels, (BLOCK,), where lanes without a channel share the last one;
        which lanes have a channel; places in a tensor (N, D), (N, BLOCK);
        whether something is at them; and places in a slot.
    """
    program = tl.program_id(0)
    block = program % blocks
    group = program // blocks % groups
    row = program // blocks // groups
    width = channels // groups
    lane = block * BLOCK + tl.arange(0, BLOCK)
    exists = lane < width
    channel = group * width + tl.minimum(lane, width - 1)
    n = tl.arange(0, N)
    at = tl.minimum(n, STATES - 1)[:, None] * channels + channel[None, :]
    both = (n < STATES)[:, None] & exists[None, :]
    lane = tl.arange(0, BLOCK)
    return (
        row.to(tl.int64),
        row // paths,
        row % paths,
        group,
        block,
        channel,
        exists,
        at,
        both,
        n[:, None] * BLOCK + lane[None, :],
    )


@triton.jit
def element_strides(stride, z_stride, WIDE: tl.constexpr):
    """Elements between tokens of u and of z, such that offsets do not wrap."""
    if WIDE:
        one = tl.full((), 1, tl.int64)
        return stride * one, z_stride * one
    else:
        return stride, z_stride


@triton.jit
def visit_tile(walk, t, length, STRIDED: tl.constexpr):
    """Tokens of TILE steps from t on."""
    rows = ()
    for j in tl.static_range(TILE):
        rows = rows + (visit(walk, t + j, length, STRIDED),)
    return rows


@triton.jit
def load_tile(source, stride, rows, channel):
    """Load TILE tensors (BLOCK,) from (L, stride), if there is a source."""
    values = ()
    if source is not None:
        for j in tl.static_range(TILE):
            value = tl.load(source + (rows[j] * stride + channel))
            values = values + (value,)
    return values


@triton.jit
def load_tiles(u, delta, z, grad_y, strides, rows, channel):
    """Load TILE steps of each of these, if it is there."""
    stride, z_stride = strides
    return (
        load_tile(u, stride, rows, channel),
        load_tile(delta, stride, rows, channel),
        load_tile(z, z_stride, rows, channel),
        load_tile(grad_y, stride, rows, channel),
    )


@triton.jit
def load_states(source, STATES: tl.constexpr, N: tl.constexpr):
    """Load (N,), zeros after the first STATES."""
    n = tl.arange(0, N)
    if N == STATES:
        return tl.load(source + n)
    return tl.load(source + n, mask=n < STATES, other=0.0)


@triton.jit
def walk_on(
    state,
    A,
    D,
    bias,
    walk,
    start,
    stop,
    length,
    inputs,
    weights,
    y,
    kept,
    strides,
    weights_stride,
    slot_size,
    channel,
    exists,
    slot,
    EVERY: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STRIDED: tl.constexpr,
    STATES: tl.constexpr,
    N: tl.constexpr,
):
    """Walk from `start` to `stop`.

    Args:
        state: Where the walk starts, (N, BLOCK).
        A: (N, BLOCK), in units of log2(e).
        D: (BLOCK,) or None.
        bias: (BLOCK,) or None.
        walk: Order, as of `load_walk`.
        start: First step.
        stop: Step to stop at.
        length: Number of tokens L.
        inputs: u, delta and z, which may be None, at token 0.
        weights: B and C at token 0.
        y: Output or None.
        kept: Where states before every EVERY-th step from `start` on go, or
            None.
        strides: Elements between two tokens of u and of z.
        weights_stride: Elements between two tokens of B.
        slot_size: Elements of a state.
        channel: As of `locate`, like the next two.
        exists: Lanes with a channel.
        slot: Places in a slot.
        EVERY: Whole tiles.
        SOFTPLUS: See `Problem`.
        STRIDED: See `Walks`.
        STATES: Number of states.
        N: Power of two from it on.

    Returns:
        State (N, BLOCK) at the end and the sum of the steps (BLOCK,).
    """
    u, delta, z = inputs
    total = tl.zeros_like(tl.sum(state, axis=0))

    # Tokens of this tile and of the next
    rows = visit_tile(walk, start, length, STRIDED)
    rows += visit_tile(walk, start + TILE, length, STRIDED)
    tiles = load_tiles(u, delta, z, None, strides, rows, channel)
    source = weights + rows[0] * weights_stride
    next_B = load_states(source, STATES, N)
    next_C = load_states(source + STATES, STATES, N)
    for t in range(start, stop, TILE):
        tile_u, tile_raw, tile_z, _ = tiles
        next_rows = rows[TILE:]
        tiles = load_tiles(u, delta, z, None, strides, next_rows, channel)
        far_rows = visit_tile(walk, t + 2 * TILE, length, STRIDED)
        if kept is not None:
            if (t - start) % EVERY == 0:
                tl.store(kept + (t - start) // EVERY * slot_size + slot, state)
        for j in tl.static_range(TILE):
            this_B, this_C = next_B, next_C
            source = weights + rows[j + 1] * weights_stride
            next_B = load_states(source, STATES, N)
            if y is not None:
                next_C = load_states(source + STATES, STATES, N)
            inside = t + j < stop
            step = step_size(add_bias(tile_raw[j], bias), inside, SOFTPLUS)
            total += step
            this_u = tile_u[j].to(tl.float32)
            state = advance(state, A, step, step * this_u, this_B)
            if y is not None:
                value = tl.sum(state * this_C[:, None], axis=0)
                if D is not None:
                    value += D * this_u
                if z is not None:
                    gate = tile_z[j].to(tl.float32)
                    value *= gate * sigmoid(gate)
                tl.store(
                    y + (rows[j] * strides[0] + channel),
                    value.to(y.dtype.element_ty),
                    mask=exists & inside,
                )
        rows = next_rows + far_rows
    return state, total


@triton.jit(do_not_specialize=['channels', 'slot_size'])
def scan(
    u,
    delta,
    A,
    weights,
    D,
    z,
    bias,
    formulas,
    table,
    totals,
    ends,
    y,
    last_state,
    kept,
    length,
    channels,
    paths,
    groups,
    blocks,
    tables,
    segments,
    segment_length,
    slot_size,
    z_sequence,
    z_token,
    SUMMARY: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STRIDED: tl.constexpr,
    WIDE: tl.constexpr,
    STATES: tl.constexpr,
    N: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Scan, or summarise the segments.

    Args:
        u: See `Problem`, as the other inputs.
        delta: Raw step sizes.
        A: (K, N, D).
        weights: B and C, (M, K, L, G, 2, N), float32.
        D: Skip or None.
        z: Gate or None.
        bias: Of `delta`, or None.
        formulas: As of `Walks`.
        table: As of `Walks`.
        totals: Sums of steps (programs, S, BLOCK); None with one segment.
        ends: Where segments end that start at zero, (programs, S, N, BLOCK).
        y: Output or None.
        last_state: (M, K, N, D).
        kept: States (programs, ceil(L / KEPT), N, BLOCK) or None.
        length: L.
        channels: D.
        paths: K.
        groups: G.
        blocks: Programs that share the channels of a group.
        tables: As of `Walks`.
        segments: S.
        segment_length: Steps of a segment; a multiple of KEPT.
        slot_size: N BLOCK. A compiler that knew it would give a lane several
            channels, to read and write them at once.
        z_sequence: Elements between two sequences of `z`.
        z_token: Elements between two tokens of `z`.
        SUMMARY: Write `totals` and `ends`, instead of reading them.
        SOFTPLUS: See `Problem`.
        STRIDED: As of `Walks`.
        WIDE: Whether a path of a tensor has 2**31 elements.
        STATES: N.
        N: The power of two from `STATES` on.
        BLOCK: Channels of a program.
    """
    row, sequence, path, group, block, channel, exists, at, both, slot = (
        locate(channels, paths, groups, blocks, STATES, N, BLOCK)
    )
    program = tl.program_id(0).to(tl.int64)
    segment = tl.program_id(1)
    start = segment * segment_length
    stop = tl.minimum(start + segment_length, length)
    walk = load_walk(formulas, table, tables, path, sequence, length)
    size = channels * STATES
    lane = tl.arange(0, BLOCK)
    A = tl.load(A + path * size + at) * LOG2E
    if D is not None:
        D = tl.load(D + path * channels + channel)
    if bias is not None:
        bias = tl.load(bias + path * channels + channel)
    state = tl.zeros((N, BLOCK), tl.float32)
    if totals is not None:
        totals += program * segments * BLOCK + lane
        ends += program * segments * slot_size
        if not SUMMARY:
            for before in range(segment):
                total = tl.load(totals + before * BLOCK)
                end = tl.load(ends + before * slot_size + slot)
                state = tl.exp2(A * total[None, :]) * state + end

    first = row * length * channels
    if z is not None:
        z += sequence.to(tl.int64) * z_sequence
    if y is not None:
        y += first
    if kept is not None:
        kept += (program * tl.cdiv(length, KEPT) + start // KEPT) * slot_size
    strides = element_strides(channels, z_token, WIDE)
    weights_stride = groups * 2 * STATES
    state, total = walk_on(
        state,
        A,
        D,
        bias,
        walk,
        start,
        stop,
        length,
        (u + first, delta + first, z),
        weights + (row * length * groups + group) * 2 * STATES,
        y,
        kept,
        strides,
        weights_stride,
        slot_size,
        channel,
        exists,
        slot,
        KEPT,
        SOFTPLUS,
        STRIDED,
        STATES,
        N,
    )
    if SUMMARY:
        tl.store(totals + segment * BLOCK, total)
        tl.store(ends + segment * slot_size + slot, state)
    elif segment == segments - 1:
        tl.store(last_state + row * size + at, state, mask=both)


@triton.jit(do_not_specialize=['channels', 'slot_size'])
def adjoint_ends(
    delta,
    A,
    weights,
    z,
    bias,
    grad_y,
    formulas,
    table,
    totals,
    ends,
    length,
    channels,
    paths,
    groups,
    blocks,
    tables,
    segments,
    segment_length,
    slot_size,
    z_sequence,
    z_token,
    SOFTPLUS: tl.constexpr,
    STRIDED: tl.constexpr,
    WIDE: tl.constexpr,
    STATES: tl.constexpr,
    N: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Summarise all segments but the first for those before them.

    Arguments are those of `scan`, but `ends` are those of the adjoint state,
    which walks from the last step to the first.
    """
    row, sequence, path, group, block, channel, exists, at, both, slot = (
        locate(channels, paths, groups, blocks, STATES, N, BLOCK)
    )
    program = tl.program_id(0).to(tl.int64)
    segment = tl.program_id(1) + 1
    start = segment * segment_length
    stop = tl.minimum(start + segment_length, length)
    walk = load_walk(formulas, table, tables, path, sequence, length)
    size = channels * STATES
    A = tl.load(A + path * size + at) * LOG2E
    if bias is not None:
        bias = tl.load(bias + path * channels + channel)
    first = row * length * channels
    if z is not None:
        z += sequence.to(tl.int64) * z_sequence
    strides = element_strides(channels, z_token, WIDE)
    delta += first
    grad_y += first
    weights_stride = groups * 2 * STATES
    weights += (row * length * groups + group) * 2 * STATES
    weights += STATES  # C

    flow = tl.zeros((N, BLOCK), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    count = tl.cdiv(stop - start, TILE)
    t = start + (count - 1) * TILE
    rows = visit_tile(walk, t, length, STRIDED)
    tiles = load_tiles(None, delta, z, grad_y, strides, rows, channel)
    next_C = load_states(weights + rows[TILE - 1] * weights_stride, STATES, N)
    for i in range(count):
        t = start + (count - 1 - i) * TILE
        _, tile_raw, tile_z, tile_grad = tiles
        # of the tile before; of the first tile again where none is before
        far_rows = visit_tile(
            walk, tl.maximum(t - TILE, start), length, STRIDED
        )
        tiles = load_tiles(None, delta, z, grad_y, strides, far_rows, channel)
        order = far_rows + rows
        for j in tl.static_range(TILE - 1, -1, -1):
            C = next_C
            next_C = load_states(
                weights + order[TILE + j - 1] * weights_stride, STATES, N
            )
            inside = exists & (t + j < stop)
            step = step_size(add_bias(tile_raw[j], bias), inside, SOFTPLUS)
            grad = tile_grad[j].to(tl.float32)
            if z is not None:
                gate = tile_z[j].to(tl.float32)
                grad *= gate * sigmoid(gate)
            grad = tl.where(inside, grad, 0.0)
            total += step
            flow += C[:, None] * grad[None, :]
            flow *= tl.exp2(A * step[None, :])
        rows = far_rows
    totals += (program * segments + segment) * BLOCK
    ends += (program * segments + segment) * slot_size
    tl.store(totals + tl.arange(0, BLOCK), total)
    tl.store(ends + slot, flow)


@triton.jit
def sum_lanes(values, ROWS: tl.constexpr, LANES: tl.constexpr):
    """Sum every row of (ROWS, LANES) over the lanes.

    In each round, a lane gives half of its rows to the lane whose number
    differs in one bit and takes the other half from it, so that a sum needs
    about one exchange, not one for every bit.

    Returns:
        Sums (max(ROWS / LANES, 1), LANES), and of which rows they are.
    """
    lane = tl.arange(0, LANES)[None, :]
    left: tl.constexpr = ROWS // LANES if ROWS > LANES else 1
    row = tl.arange(0, left)[:, None] + tl.zeros_like(lane)
    BITS: tl.constexpr = 5
    tl.static_assert(LANES == 1 << BITS)
    for bit in tl.static_range(BITS):
        partner = lane ^ (1 << bit)
        if values.shape[0] > 1:
            upper = lane & (1 << bit) != 0
            halves = tl.reshape(values, (2, values.shape[0] // 2, LANES))
            low, high = tl.split(tl.permute(halves, (1, 2, 0)))
            given = tl.where(upper, low, high)
            values = tl.where(upper, high, low)
            row += tl.where(upper, given.shape[0], 0)
        else:
            given = values
        partner = tl.broadcast_to(partner, given.shape)
        values += tl.gather(given, partner, axis=1)
    return values, row


@triton.jit(do_not_specialize=['channels', 'slot_size'])
def scan_backward(
    u,
    delta,
    A,
    weights,
    D,
    z,
    bias,
    grad_y,
    formulas,
    table,
    totals,
    ends,
    kept,
    scratch,
    grad_u,
    grad_delta,
    grad_A,
    grad_weights,
    grad_D,
    grad_z,
    grad_bias,
    length,
    channels,
    paths,
    groups,
    blocks,
    tables,
    segments,
    segment_length,
    slot_size,
    z_sequence,
    z_token,
    SOFTPLUS: tl.constexpr,
    STRIDED: tl.constexpr,
    WIDE: tl.constexpr,
    STATES: tl.constexpr,
    N: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Compute all gradients, from the last step to the first.

    A chunk of KEPT steps is first walked forward from its kept state, which
    gives the states at the start of its tiles. Tile by tile, the states are
    then computed again in registers, and the adjoint state walks back over
    them.

    Arguments are those of `scan` and `ends` of `adjoint_ends`; `scratch` is
    (programs, S, KEPT / TILE, N, BLOCK), `grad_u` and `grad_delta` are
    (M, K, L, D). Partial sums are `grad_weights` (blocks, M, K, L, G, 2, N),
    `grad_A` (M, K, S, N, D), `grad_D` and `grad_bias` (M, K, S, D), and
    `grad_z` (M, K, L, D); the last three may be None.
    """
    row, sequence, path, group, block, channel, exists, at, both, slot = (
        locate(channels, paths, groups, blocks, STATES, N, BLOCK)
    )
    program = tl.program_id(0).to(tl.int64)
    segment = tl.program_id(1)
    start = segment * segment_length
    stop = tl.minimum(start + segment_length, length)
    walk = load_walk(formulas, table, tables, path, sequence, length)
    size = channels * STATES
    A = tl.load(A + path * size + at) * LOG2E
    if D is not None:
        D = tl.load(D + path * channels + channel)
    if bias is not None:
        bias = tl.load(bias + path * channels + channel)
    flow = tl.zeros((N, BLOCK), tl.float32)  # decayed adjoint state
    if totals is not None:
        totals += program * segments * BLOCK + tl.arange(0, BLOCK)
        ends += program * segments * slot_size
        for i in range(segments - 1 - segment):
            after = segments - 1 - i
            total = tl.load(totals + after * BLOCK)
            end = tl.load(ends + after * slot_size + slot)
            flow = tl.exp2(A * total[None, :]) * flow + end

    first = row * length * channels
    u += first
    delta += first
    grad_y += first
    grad_u += first
    grad_delta += first
    if z is not None:
        z += sequence.to(tl.int64) * z_sequence
        grad_z += first
    strides = element_strides(channels, z_token, WIDE)
    weights_stride = groups * 2 * STATES
    weights += (row * length * groups + group) * 2 * STATES
    rows_before = block.to(tl.int64) * (tl.num_programs(0) // blocks // groups)
    grad_weights += (
        ((rows_before + row) * length * groups + group) * 2 * STATES
    )
    part = row * segments + segment
    scratch += (program * segments + segment) * (KEPT // TILE) * slot_size
    kept += program * tl.cdiv(length, KEPT) * slot_size
    sum_A = tl.zeros((N, BLOCK), tl.float32)
    sum_D = tl.zeros((BLOCK,), tl.float32)
    sum_bias = tl.zeros((BLOCK,), tl.float32)

    chunks = tl.cdiv(stop - start, KEPT)
    for i in range(chunks):
        chunk = start + (chunks - 1 - i) * KEPT
        tiles = tl.cdiv(tl.minimum(chunk + KEPT, stop) - chunk, TILE)
        state, total = walk_on(
            tl.load(kept + chunk // KEPT * slot_size + slot),
            A,
            D,
            bias,
            walk,
            chunk,
            chunk + (tiles - 1) * TILE,
            length,
            (u, delta, None),
            weights,
            None,
            scratch,
            strides,
            weights_stride,
            slot_size,
            channel,
            exists,
            slot,
            TILE,
            SOFTPLUS,
            STRIDED,
            STATES,
            N,
        )
        tl.store(scratch + (tiles - 1) * slot_size + slot, state)
        tl.debug_barrier()
        for k in range(tiles):
            tile = tiles - 1 - k
            t = chunk + tile * TILE
            rows = visit_tile(walk, t, length, STRIDED)
            tile_u, tile_raw, tile_z, tile_grad = load_tiles(
                u, delta, z, grad_y, strides, rows, channel
            )
            state = tl.load(scratch + tile * slot_size + slot)
            states, steps = (state,), ()
            for j in tl.static_range(TILE):
                B = load_states(weights + rows[j] * weights_stride, STATES, N)
                step = step_size(
                    add_bias(tile_raw[j], bias), t + j < stop, SOFTPLUS
                )
                x = step * tile_u[j].to(tl.float32)
                state = advance(state, A, step, x, B)
                states = states + (state,)
                steps = steps + (step,)

            for j in tl.static_range(TILE - 1, -1, -1):
                source = weights + rows[j] * weights_stride
                B = load_states(source, STATES, N)
                C = load_states(source + STATES, STATES, N)
                inside = exists & (t + j < stop)
                step, this_u = steps[j], tile_u[j].to(tl.float32)
                token = rows[j] * strides[0] + channel
                grad = tl.where(inside, tile_grad[j].to(tl.float32), 0.0)
                if z is not None:
                    gate = tile_z[j].to(tl.float32)
                    opening = sigmoid(gate)
                    slope = opening * (1 + gate * (1 - opening))
                    value = tl.sum(states[j + 1] * C[:, None], axis=0)
                    if D is not None:
                        value += D * this_u
                    tl.store(
                        grad_z + token,
                        (grad * value * slope).to(grad_z.dtype.element_ty),
                        mask=inside,
                    )
                    grad *= gate * opening

                adjoint = flow + C[:, None] * grad[None, :]
                flow = tl.exp2(A * step[None, :]) * adjoint
                through = flow * states[j]
                sum_A += through * step[None, :]
                grad_x = tl.sum(adjoint * B[:, None], axis=0)
                grad_step = this_u * grad_x
                grad_step += tl.sum(through * A, axis=0) * LN2
                grad_input = step * grad_x
                if D is not None:
                    grad_input += D * grad
                    sum_D += this_u * grad
                if SOFTPLUS:
                    grad_step *= sigmoid(add_bias(tile_raw[j], bias))
                if bias is not None:
                    sum_bias += tl.where(inside, grad_step, 0.0)
                tl.store(
                    grad_u + token,
                    grad_input.to(grad_u.dtype.element_ty),
                    mask=inside,
                )
                tl.store(
                    grad_delta + token,
                    grad_step.to(grad_delta.dtype.element_ty),
                    mask=inside,
                )

                x = step * this_u
                of_both = tl.join(
                    adjoint * x[None, :], states[j + 1] * grad[None, :]
                )
                of_both = tl.reshape(
                    tl.permute(of_both, (2, 0, 1)), (2 * N, BLOCK)
                )
                sums, place = sum_lanes(of_both, 2 * N, BLOCK)
                lane = tl.arange(0, BLOCK)[None, :]
                tl.store(
                    grad_weights
                    + rows[j] * weights_stride
                    + (place // N * STATES + place % N),
                    sums,
                    mask=(lane < 2 * N)
                    & (place % N < STATES)
                    & (t + j < stop),
                )
        tl.debug_barrier()
    tl.store(grad_A + part * size + at, sum_A, mask=both)
    if D is not None:
        tl.store(grad_D + part * channels + channel, sum_D, mask=exists)
    if bias is not None:
        tl.store(grad_bias + part * channels + channel, sum_bias, mask=exists)
