"""A scan as plain as its definition, and random problems for it."""

import torch
import torch.nn.functional as F

from mmrs.ops.selective_scan import Forward, Index, Reverse, Strided

INPUTS = ('u', 'delta', 'A', 'B', 'C', 'D', 'z', 'delta_bias')


def loop_scan(
    u, delta, A, B, C, orders, D=None, z=None, delta_bias=None, softplus=False
):
    """One token after the other, with all that autograd needs kept."""
    batch, paths, length, channels = u.shape
    A, D, delta_bias = (
        t if t is None or t.ndim == n else t.expand(paths, *t.shape)
        for t, n in ((A, 3), (D, 2), (delta_bias, 2))
    )
    if B.ndim == 4:
        B, C = B.unsqueeze(3), C.unsqueeze(3)
    share = channels // B.shape[3]
    B, C = B.repeat_interleave(share, 3), C.repeat_interleave(share, 3)
    every = torch.arange(batch)
    out = []
    for k, order in enumerate(orders):
        rows = order.rows(length).long().expand(batch, length)
        state = u.new_zeros(batch, channels, A.shape[2])
        y = [None] * length
        for t in range(length):
            at = every, k, rows[:, t]
            step = delta[at]
            if delta_bias is not None:
                step = step + delta_bias[k]
            if softplus:
                step = F.softplus(step)
            drive = (step * u[at]).unsqueeze(-1) * B[at]
            state = torch.exp(step.unsqueeze(-1) * A[k]) * state + drive
            y[t] = (state * C[at]).sum(-1)
            if D is not None:
                y[t] = y[t] + D[k] * u[at]
        back = rows.argsort(-1)[..., None].expand(-1, -1, channels)
        y = torch.stack(y, 1).gather(1, back)
        out.append(y if z is None else y * F.silu(z))
    return torch.stack(out, 1)


def loop_conv(x, weight, bias, orders):
    """The convolution, token by token."""
    batch, length, _ = x.shape
    every, taps = torch.arange(batch), weight.shape[-1]
    out = []
    for order in orders:
        rows = order.rows(length).long().expand(batch, length)
        y = [None] * length
        for t in range(length):
            total = torch.zeros_like(x[:, 0]) if bias is None else bias
            for tap in range(taps):
                source = t - taps + 1 + tap
                if source >= 0:
                    total = total + x[every, rows[:, source]] * weight[:, tap]
            y[t] = F.silu(total) + torch.zeros_like(x[:, 0])
        back = rows.argsort(-1)[..., None].expand_as(x)
        out.append(torch.stack(y, 1).gather(1, back))
    return torch.stack(out, 1)


def random_orders(paths, batch, length, generator):
    """Forward, reverse, strided or shuffled, and one shuffle a sequence."""

    def shuffle():
        return torch.randperm(length, generator=generator)

    height = next(h for h in (14, 7, 5, 4, 1) if length % h == 0)
    choice = [
        Index(torch.stack([shuffle() for _ in range(batch)])),
        Reverse(),
        Strided(height, length // height),
        Forward(),
        Index(shuffle()),
    ]
    return choice[:paths]


def random_problem(
    batch=2,
    paths=3,
    length=70,
    channels=8,
    states=4,
    groups=1,
    extras=True,
    per_path=False,
    seed=0,
):
    """Inputs of `multi_order_scan` in float64, and orders.

    `extras` are the skip, the gate and the bias.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    own = (paths,) if per_path else ()
    inputs = dict(
        u=normal(batch, paths, length, channels),
        delta=normal(batch, paths, length, channels),
        A=-normal(*own, channels, states).exp(),
        B=normal(batch, paths, length, groups, states),
        C=normal(batch, paths, length, groups, states),
    )
    if extras:
        inputs.update(
            D=normal(*own, channels),
            z=normal(batch, length, channels),
            delta_bias=normal(*own, channels) - 1,
        )
    orders = random_orders(paths, batch, length, generator)
    return inputs, orders


def with_gradients(function, inputs, seed=1):
    """Output of a function, and gradients of its inputs.

    The output is weighted at random; the gradients are in double.
    """
    inputs = {k: v.detach().requires_grad_() for k, v in inputs.items()}
    out = function(**inputs)
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    (out.double() * weight.to(out.device)).sum().backward()
    return out.detach(), {k: v.grad for k, v in inputs.items()}
