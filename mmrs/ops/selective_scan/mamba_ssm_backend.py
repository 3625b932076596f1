"""The scan by mamba-ssm's CUDA kernel, path by path on walked copies.

For comparisons: mamba-ssm knows one order and wants channels before tokens.
"""

import torch
from torch import Tensor

from .problem import Problem


def run(p: Problem) -> tuple[Tensor, Tensor]:
    """Compute outputs (M, K, L, D) and last states (M, K, D, N)."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    rows = p.rows.long()
    outputs, states = [], []
    for k in range(len(p.orders)):

        def walk(tensor: Tensor, order: Tensor = rows[:, k]) -> Tensor:
            """(M, L, ...) in token order -> (M, ..., L) as walked."""
            index = order.view(*order.shape, *[1] * (tensor.ndim - 2))
            walked = tensor.gather(1, index.expand_as(tensor))
            return walked.movedim(1, -1).contiguous()

        y, last_state = selective_scan_fn(
            walk(p.u[:, k]),
            walk(p.delta[:, k]),
            p.A[k],
            walk(p.B[:, k]),
            walk(p.C[:, k]),
            None if p.D is None else p.D[k],
            None if p.z is None else walk(p.z),
            None if p.delta_bias is None else p.delta_bias[k],
            p.delta_softplus,
            True,
        )
        y = y.transpose(1, 2)
        index = rows[:, k, :, None].expand_as(y)
        outputs.append(torch.empty_like(y).scatter(1, index, y))
        states.append(last_state)
    return torch.stack(outputs, 1), torch.stack(states, 1)
