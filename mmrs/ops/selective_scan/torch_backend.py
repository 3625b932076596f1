"""The scan in PyTorch operators, on any device and in any float type.

One step of time after the other, all sequences, paths and channels at once.
The states of a few steps are kept, and those between are computed again in
the backward pass, so that memory does not grow with L x N.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .orders import Order, visited_rows
from .problem import Gradients, Problem, Solution, state_dtype

STEPS = 32  # between two states that are kept


class _Walk:
    """The tensors of a problem in the order of the walk.

    Time comes first, and the G groups of channels are an axis of their own:
    (L, M, K, G, D / G) for what has channels, (L, M, K, G, N) for B and C,
    (M, K, G, N, D / G) for states.
    """

    def __init__(self, p: Problem) -> None:
        self.dtype = state_dtype(p.u)
        self.groups = p.B.shape[3]
        self.rows = p.rows.long()
        self.raw = self.channels(p.delta)
        if p.delta_bias is not None:
            self.raw = self.raw + self.parameter(p.delta_bias)
        self.step = F.softplus(self.raw) if p.delta_softplus else self.raw
        self.u = self.channels(p.u)
        self.x = self.step * self.u
        self.B, self.C = self.states(p.B), self.states(p.C)
        # (K, D, N) -> (1, K, G, N, D / G)
        self.A = p.A.unflatten(1, (self.groups, -1)).transpose(2, 3)[None]

    def channels(self, tensor: Tensor) -> Tensor:
        """(M, K, L, D) in token order -> (L, M, K, G, D / G)."""
        rows = self.rows[..., None].expand(-1, -1, -1, tensor.shape[-1])
        walked = tensor.to(self.dtype).gather(2, rows)
        return walked.movedim(2, 0).unflatten(3, (self.groups, -1))

    def states(self, tensor: Tensor) -> Tensor:
        """(M, K, L, G, N) in token order -> (L, M, K, G, N)."""
        rows = self.rows[..., None, None].expand(-1, -1, -1, *tensor.shape[3:])
        return tensor.to(self.dtype).gather(2, rows).movedim(2, 0)

    def parameter(self, tensor: Tensor) -> Tensor:
        """(K, D) -> (K, G, D / G)."""
        return tensor.unflatten(1, (self.groups, -1))

    def in_token_order(self, tensor: Tensor) -> Tensor:
        """(L, M, K, ...) -> (M, K, L, ...) in token order."""
        walked = tensor.movedim(0, 2)
        rows = self.rows.reshape(
            self.rows.shape + (1,) * (walked.ndim - 3)
        ).expand_as(walked)
        return torch.empty_like(walked).scatter_(2, rows, walked)

    def advance(self, state: Tensor, decay: Tensor, t: int) -> None:
        """Update the state by one step; `decay` receives exp(step A)."""
        torch.mul(self.step[t].unsqueeze(-2), self.A, out=decay)
        state.mul_(decay.exp_()).addcmul_(
            self.B[t].unsqueeze(-1), self.x[t].unsqueeze(-2)
        )

    def empty_state(self) -> Tensor:
        """Zeros (M, K, G, N, D / G)."""
        _, batch, _, groups, width = self.u.shape
        return self.A.new_zeros(
            (batch, self.A.shape[1], groups, self.A.shape[3], width)
        )


def forward(p: Problem, keep_states: bool) -> Solution:
    """Compute the outputs.

    Args:
        p: The problem.
        keep_states: Keep the state before every STEPS-th step, for
            `backward`.
    """
    walk = _Walk(p)
    state = walk.empty_state()
    decay = torch.empty_like(state)
    y = torch.empty_like(walk.u)
    kept = []
    for t in range(len(y)):
        if keep_states and t % STEPS == 0:
            kept.append(state.clone())
        walk.advance(state, decay, t)
        y[t] = (walk.C[t].unsqueeze(-2) @ state).squeeze(-2)
    if p.D is not None:
        y += walk.parameter(p.D) * walk.u
    out = walk.in_token_order(y).flatten(3)
    if p.z is not None:
        out *= F.silu(p.z.to(walk.dtype)).unsqueeze(1)
    last_state = state.transpose(3, 4).flatten(2, 3)
    return Solution(out.to(p.u.dtype), last_state, tuple(kept))


def backward(
    p: Problem, saved: tuple[Tensor, ...], grad_y: Tensor
) -> Gradients:
    """Walk back through the states with the adjoint state."""
    walk = _Walk(p)
    gate, sigmoid = None, None
    grad = grad_y.to(walk.dtype)
    if p.z is not None:
        gate = p.z.to(walk.dtype).unsqueeze(1)
        sigmoid = gate.sigmoid()
        ungated = grad * gate * sigmoid
    else:
        ungated = grad
    grad_out = walk.channels(ungated)  # of y before the gate

    length = len(grad_out)
    y = torch.empty_like(grad_out)
    grad_x, grad_step = torch.empty_like(y), torch.empty_like(y)
    grad_B, grad_C = torch.empty_like(walk.B), torch.empty_like(walk.C)
    grad_A = torch.zeros_like(walk.empty_state())
    adjoint = torch.zeros_like(grad_A)
    for index in reversed(range(len(saved))):
        start = index * STEPS
        stop = min(start + STEPS, length)
        decays, states = _replay(walk, saved[index], start, stop)
        for t in reversed(range(start, stop)):
            decay, state = decays[t - start], states[t - start + 1]
            adjoint.addcmul_(
                walk.C[t].unsqueeze(-1), grad_out[t].unsqueeze(-2)
            )
            y[t] = (walk.C[t].unsqueeze(-2) @ state).squeeze(-2)
            grad_C[t] = (state @ grad_out[t].unsqueeze(-1)).squeeze(-1)
            grad_x[t] = (walk.B[t].unsqueeze(-2) @ adjoint).squeeze(-2)
            grad_B[t] = (adjoint @ walk.x[t].unsqueeze(-1)).squeeze(-1)
            adjoint *= decay
            through = adjoint * states[t - start]
            grad_step[t] = (through * walk.A).sum(-2)
            grad_A.addcmul_(through, walk.step[t].unsqueeze(-2))
    grad_step += grad_x * walk.u
    grad_u = grad_x * walk.step
    grad_D = None
    if p.D is not None:
        skip = walk.parameter(p.D)
        y += skip * walk.u
        grad_u += skip * grad_out
        grad_D = (grad_out * walk.u).sum((0, 1)).flatten(1)
    if p.delta_softplus:
        grad_step *= walk.raw.sigmoid()
    grad_z = None
    if gate is not None:
        slope = sigmoid * (1 + gate * (1 - sigmoid))
        grad_z = (grad * walk.in_token_order(y).flatten(3) * slope).sum(1)
        grad_z = grad_z.to(p.z.dtype)
    return Gradients(
        walk.in_token_order(grad_u).flatten(3).to(p.u.dtype),
        walk.in_token_order(grad_step).flatten(3).to(p.delta.dtype),
        grad_A.sum(0).transpose(2, 3).flatten(1, 2),
        walk.in_token_order(grad_B).to(p.B.dtype),
        walk.in_token_order(grad_C).to(p.C.dtype),
        grad_D,
        grad_z,
        None if p.delta_bias is None else grad_step.sum((0, 1)).flatten(1),
    )


def _replay(
    walk: _Walk, start_state: Tensor, start: int, stop: int
) -> tuple[Tensor, Tensor]:
    """Decays of the steps from start to stop, and states around them."""
    count = stop - start
    states = start_state.new_empty((count + 1, *start_state.shape))
    decays = start_state.new_empty((count, *start_state.shape))
    states[0] = start_state
    for i in range(count):
        states[i + 1] = states[i]
        walk.advance(states[i + 1], decays[i], start + i)
    return decays, states


def conv_forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, orders: tuple[Order, ...]
) -> Tensor:
    """Convolve along every order, then SiLU; see `multi_order_conv`."""
    batch, length, channels = x.shape
    rows = visited_rows(orders, batch, length, x.device).long()
    rows = rows[..., None].expand(-1, -1, -1, channels)
    walked = x.unsqueeze(1).expand(-1, len(orders), -1, -1).gather(2, rows)
    taps = weight.shape[1]
    out = F.conv1d(
        F.pad(walked.flatten(0, 1).transpose(1, 2), (taps - 1, 0)),
        weight.to(x.dtype).unsqueeze(1),
        None if bias is None else bias.to(x.dtype),
        groups=channels,
    )
    out = F.silu(out).transpose(1, 2).view_as(walked)
    return torch.empty_like(out).scatter(2, rows, out)
