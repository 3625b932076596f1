"""One step of the selective scan, to generate token by token."""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['selective_state_update']


def selective_state_update(
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
    state_batch_indices: Tensor | None = None,
) -> Tensor:
    """Take one step of the scan, with the arguments of mamba-ssm's function.

    Without heads, the axes of H and of G are left out of every tensor.

    Args:
        state: (M, H, D, N), as the scan returns it; updated in place.
        x: Input (M, H, D).
        dt: (M, H, D).
        A: (H, D, N).
        B: (M, G, N), for G groups of H / G heads.
        C: As `B`.
        D: (H, D).
        z: Gate (M, H, D).
        dt_bias: (H, D).
        dt_softplus: Pass dt + dt_bias through softplus.
        state_batch_indices: (M,): the sequences' entries in a larger
            `state`.

    Returns:
        (M, H, D) of the dtype of `x`.
    """
    if state.ndim == 3:
        y = selective_state_update(
            state.unsqueeze(1),
            x.unsqueeze(1),
            dt.unsqueeze(1),
            A.unsqueeze(0),
            B.view(len(B), 1, -1),
            C.view(len(C), 1, -1),
            None if D is None else D.unsqueeze(0),
            None if z is None else z.unsqueeze(1),
            None if dt_bias is None else dt_bias.unsqueeze(0),
            dt_softplus,
            state_batch_indices,
        )
        return y.squeeze(1)

    entries = slice(None)
    if state_batch_indices is not None:
        entries = state_batch_indices.long()
    step = dt.float()
    if dt_bias is not None:
        step = step + dt_bias.float()
    if dt_softplus:
        step = F.softplus(step)
    B, C = (
        t.float().repeat_interleave(x.shape[1] // t.shape[1], dim=1)
        for t in (B, C)
    )
    decay = torch.exp(step.unsqueeze(-1) * A.float())
    drive = (step * x.float()).unsqueeze(-1) * B.unsqueeze(2)
    updated = (state[entries].float() * decay + drive).to(state.dtype)
    state[entries] = updated
    # Of the state as it is stored, which is the one that the next step sees.
    y = (updated.float() @ C.unsqueeze(-1)).squeeze(-1)
    if D is not None:
        y = y + D.float() * x.float()
    if z is not None:
        y = y * F.silu(z.float())
    return y.to(x.dtype)
