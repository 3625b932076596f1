"""The mixer of Mamba (arXiv 2312.00752), along one or several orders.

Parameters are named and shaped as those of mamba-ssm's `Mamba` and of
transformers' `MambaMixer`. What acts on each token by itself is computed once
for all orders; see `MambaMixer.forward`.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrs.ops.selective_scan import (
    Forward,
    Order,
    multi_order_conv,
    multi_order_scan,
    selective_state_update,
)
from mmrs.ops.selective_scan.backends import BACKENDS
from mmrs.utils.settings import check_choice, check_number

__all__ = ['MambaMixer', 'MambaState']


class MambaState(NamedTuple):
    """What goes on from the tokens so far; updated in place.

    Attributes:
        recent: Last inputs of the convolution, (B, inner_dims,
            conv_kernel - 1), the newest at the end.
        scan: States (B, inner_dims, state_dims), float32.
    """

    recent: Tensor
    scan: Tensor


class MambaMixer(nn.Module):
    """Mix the tokens of a sequence by selective scans.

    Args:
        embed_dims: Channels d of the tokens.
        inner_dims: Channels of the scan, by default 2 d.
        state_dims: States of each channel.
        conv_kernel: Tokens that the short convolution sees.
        dt_rank: Rank of the step size's projection, by default d / 16,
            rounded up.
        conv_bias: Whether the convolution has a bias.
        dt_init: ``'mamba'`` starts with steps of `dt_min` to `dt_max`, so
            that channels remember between few and very many tokens.
            ``'torch'`` starts as any linear layer does, with steps of about
            0.7 that forget within a few tokens; RSMamba's release does.
        dt_min: Smallest step of ``'mamba'``.
        dt_max: Largest step of ``'mamba'``.
        dt_floor: Steps of ``'mamba'`` are not smaller than this.
        scan_backend: As `backend` of
            :func:`mmrs.ops.selective_scan.multi_order_scan`; None takes the
            fastest one.

    Raises:
        InputError: `dt_init` is unknown, or a size is not positive.
    """

    def __init__(
        self,
        embed_dims: int,
        inner_dims: int | None = None,
        state_dims: int = 16,
        conv_kernel: int = 4,
        dt_rank: int | None = None,
        conv_bias: bool = True,
        dt_init: str = 'mamba',
        dt_min: float = 1e-3,
        dt_max: float = 0.1,
        dt_floor: float = 1e-4,
        scan_backend: str | None = None,
    ) -> None:
        super().__init__()
        inner_dims = 2 * embed_dims if inner_dims is None else inner_dims
        dt_rank = math.ceil(embed_dims / 16) if dt_rank is None else dt_rank
        sizes = dict(
            embed_dims=embed_dims,
            inner_dims=inner_dims,
            state_dims=state_dims,
            conv_kernel=conv_kernel,
            dt_rank=dt_rank,
        )
        for name, size in sizes.items():
            check_number(name, size, 1)
        if scan_backend is not None:
            check_choice('scan_backend', scan_backend, BACKENDS)
        self.state_dims = state_dims
        self.dt_rank = dt_rank
        self.scan_backend = scan_backend

        self.in_proj = nn.Linear(embed_dims, 2 * inner_dims, bias=False)
        self.conv1d = nn.Conv1d(
            inner_dims,
            inner_dims,
            conv_kernel,
            groups=inner_dims,
            bias=conv_bias,
        )
        self.x_proj = nn.Linear(
            inner_dims, dt_rank + 2 * state_dims, bias=False
        )
        self.dt_proj = nn.Linear(dt_rank, inner_dims)
        rates = torch.arange(1, state_dims + 1, dtype=torch.float32)
        self.A_log = nn.Parameter(rates.log().repeat(inner_dims, 1))
        self.D = nn.Parameter(torch.ones(inner_dims))
        self.out_proj = nn.Linear(inner_dims, embed_dims, bias=False)
        self._init_steps(dt_init, dt_min, dt_max, dt_floor)

    @torch.no_grad()
    def _init_steps(
        self, dt_init: str, dt_min: float, dt_max: float, dt_floor: float
    ) -> None:
        """Set `dt_proj` so that steps are as `dt_init` says."""
        check_choice('dt_init', dt_init, ('torch', 'mamba'))
        if dt_init == 'torch':
            return
        bound = self.dt_rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        spread = torch.rand_like(self.dt_proj.bias)
        step = dt_min * (dt_max / dt_min) ** spread  # log-uniform
        step = step.clamp(min=dt_floor)
        # The inverse of softplus, log(exp(step) - 1), for small steps.
        self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def forward(
        self,
        x: Tensor,
        orders: Sequence[Order] = (Forward(),),
        gate: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Mix along K orders with the same weights, and merge the results.

        The result is that of mixing K reordered copies of `x` one by one,
        putting their tokens back and taking the weighted sum. But the
        projections in and out act on each token by itself, so that they are
        computed once: the gates see means of outputs, which are projections
        of means, and the output is the projection of the merged scans.

        Args:
            x: (B, L, d).
            orders: K orders; the plain Mamba is that of one `Forward`.
            gate: Maps the means over the tokens of the K outputs, side by
                side (B, K d), to a weight of each (B, K) with sum one. None
                is the mean of the K outputs.

        Returns:
            (B, L, d).
        """
        scans = self.scan(x, orders)
        if len(orders) == 1 and gate is None:
            return self.out_proj(scans.squeeze(1))
        if gate is None:
            return self.out_proj(scans.mean(1))
        means = self.out_proj(scans.mean(2))  # (B, K, d)
        weights = gate(means.flatten(1)).unsqueeze(1)  # (B, 1, K)
        merged = weights.to(scans.dtype) @ scans.flatten(2)
        return self.out_proj(merged.view_as(scans[:, 0]))

    def scan(self, x: Tensor, orders: Sequence[Order]) -> Tensor:
        """Compute all but the last projection.

        Args:
            x: (B, L, d).
            orders: K orders.

        Returns:
            Gated scans in token order, (B, K, L, inner_dims).
        """
        return self._scan(*self.in_proj(x).chunk(2, dim=-1), orders)

    def start(self, x: Tensor) -> tuple[Tensor, MambaState]:
        """Mix forward, and keep what is needed to go on.

        Args:
            x: (B, L, d).

        Returns:
            (B, L, d), and the state behind the last token.
        """
        x, z = self.in_proj(x).chunk(2, dim=-1)
        y, last_state = self._scan(x, z, [Forward()], return_last_state=True)
        kept = self.conv1d.kernel_size[0] - 1
        recent = F.pad(x.transpose(1, 2), (kept, 0))[..., x.shape[1] :]
        state = MambaState(recent.clone(), last_state.squeeze(1).clone())
        return self.out_proj(y.squeeze(1)), state

    def step(self, x: Tensor, state: MambaState) -> Tensor:
        """Mix one more token of each sequence.

        Args:
            x: (B, d).
            state: Behind the tokens before; updated in place.

        Returns:
            (B, d).
        """
        x, z = self.in_proj(x).chunk(2, dim=-1)
        window = torch.cat([state.recent, x.unsqueeze(2)], dim=2)
        state.recent.copy_(window[..., 1:])
        x = (window * self.conv1d.weight.squeeze(1)).sum(2)
        if self.conv1d.bias is not None:
            x = x + self.conv1d.bias
        x = F.silu(x)
        low_rank, B, C = self._split(x)
        y = selective_state_update(
            state.scan,
            x,
            F.linear(low_rank, self.dt_proj.weight),
            self._rates(),
            B,
            C,
            self.D,
            z,
            self.dt_proj.bias,
            dt_softplus=True,
        )
        return self.out_proj(y)

    def _scan(
        self,
        x: Tensor,
        z: Tensor,
        orders: Sequence[Order],
        return_last_state: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Convolve and scan inputs (B, L, inner_dims), with gates `z`."""
        x = multi_order_conv(
            x, self.conv1d.weight, self.conv1d.bias, orders, self.scan_backend
        )
        low_rank, B, C = self._split(x)
        return multi_order_scan(
            x,
            F.linear(low_rank, self.dt_proj.weight),
            self._rates(),
            B,
            C,
            orders,
            self.D,
            z,
            self.dt_proj.bias,
            delta_softplus=True,
            return_last_state=return_last_state,
            backend=self.scan_backend,
        )

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Step sizes (..., dt_rank), B and C (..., state_dims) of inputs."""
        sizes = [self.dt_rank, self.state_dims, self.state_dims]
        return self.x_proj(x).split(sizes, dim=-1)

    def _rates(self) -> Tensor:
        # States are float32 at least, whatever the weights are.
        A_log = self.A_log
        A_log = A_log.to(torch.promote_types(A_log.dtype, torch.float32))
        return -A_log.exp()
