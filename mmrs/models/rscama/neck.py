"""The neck of RSCaMa: selective scans over two dates, in space and in time.

Paper: arXiv 2404.18895. Where its figures and the released code differ, the
code is followed.
"""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.models.change.layers import AxisPositions, Maps
from mmrs.models.layers import RMSNorm
from mmrs.models.layers.init import init_xavier
from mmrs.ops.selective_scan import (
    Forward,
    Reverse,
    multi_order_conv,
    multi_order_scan,
)
from mmrs.registry import MODELS
from mmrs.utils.settings import check_choice, check_number

__all__ = ['BidirectionalMamba', 'CaMaNeck']


class BidirectionalMamba(nn.Module):
    """Mix tokens by a scan from either end, gated by themselves or a guide.

    ``RMS(x + out_proj(forward + backward))``. Both scans see the output of
    one causal convolution; each has its own steps, rates and skip.

    Args:
        dims: Channels of the tokens.
        expand: Channels of the scan, in `dims`.
        state_dims: States of each channel.
        conv_kernel: Tokens that the convolution sees.
        dt_rank: Rank of the step size's projection, by default a sixteenth of
            `dims`.
    """

    def __init__(
        self,
        dims: int,
        expand: int = 2,
        state_dims: int = 16,
        conv_kernel: int = 3,
        dt_rank: int | None = None,
    ) -> None:
        super().__init__()
        inner = expand * dims
        dt_rank = -(-dims // 16) if dt_rank is None else dt_rank
        self.sizes = [dt_rank, state_dims, state_dims]
        self.norm = RMSNorm(dims)
        self.in_proj = nn.Linear(dims, inner, bias=False)
        self.gate_proj = nn.Linear(dims, inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, conv_kernel, groups=inner)
        rates = torch.arange(1, state_dims + 1, dtype=torch.float32)
        for end in ('', '_back'):
            x_proj = nn.Linear(inner, sum(self.sizes), bias=False)
            setattr(self, f'x_proj{end}', x_proj)
            setattr(self, f'dt_proj{end}', nn.Linear(dt_rank, inner))
            A_log = nn.Parameter(rates.log().repeat(inner, 1))
            setattr(self, f'A_log{end}', A_log)
            setattr(self, f'D{end}', nn.Parameter(torch.ones(inner)))
        self.out_proj = nn.Linear(inner, dims, bias=False)
        self.norm_out = RMSNorm(dims)

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """Mix.

        Args:
            x: (B, L, dims).
            guide: Gates the scans instead of `x`, (B, L, dims); it is not
                normalised.

        Returns:
            (B, L, dims).
        """
        normed = self.norm(x)
        gate = self.gate_proj(normed if guide is None else guide)
        u = multi_order_conv(
            self.in_proj(normed),
            self.conv1d.weight,
            self.conv1d.bias,
            [Forward()],
        )
        steps, B, C = self._steps(u.squeeze(1))
        y = multi_order_scan(
            u.expand(-1, 2, -1, -1),
            steps,
            self._rates(),
            B,
            C,
            [Forward(), Reverse()],
            torch.stack([self.D, self.D_back]),
            gate,
            torch.stack([self.dt_proj.bias, self.dt_proj_back.bias]),
            delta_softplus=True,
        )
        return self.norm_out(x + self.out_proj(y.sum(1)))

    def _rates(self) -> Tensor:
        # States are float32 at least, whatever the weights are.
        A_log = torch.stack([self.A_log, self.A_log_back])
        return -A_log.to(torch.promote_types(A_log.dtype, torch.float32)).exp()

    def _steps(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw steps (B, 2, L, inner), B and C (B, 2, L, N) of both scans."""
        projected = torch.stack([self.x_proj(u), self.x_proj_back(u)], dim=1)
        low_rank, B, C = projected.split(self.sizes, dim=3)
        weights = torch.stack([self.dt_proj.weight, self.dt_proj_back.weight])
        return low_rank @ weights.transpose(1, 2), B, C


class CaMaLayer(nn.Module):
    """Scan the space of each date, then the two dates in turn.

    Args:
        dims: Channels of the tokens.
        use_sd: Scan each date, gated by the difference of the dates (SD-SSM).
        use_tt: Scan the tokens of both, place by place (TT-SSM).
        **kwargs: Of :class:`BidirectionalMamba`.
    """

    def __init__(
        self, dims: int, use_sd: bool = True, use_tt: bool = True, **kwargs
    ) -> None:
        super().__init__()
        self.spatial = self.temporal = None
        if use_sd:
            self.spatial = nn.ModuleList(
                BidirectionalMamba(dims, **kwargs) for _ in range(2)
            )
        if use_tt:
            self.temporal = BidirectionalMamba(dims, **kwargs)

    def forward(
        self, a: Tensor, b: Tensor, norm: nn.Module, alpha: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update the tokens of both dates.

        Args:
            a: Of the earlier date, (B, N, dims).
            b: Of the later date.
            norm: Shared by all layers.
            alpha: Weight of the tokens before the temporal scan; likewise.
        """
        if self.spatial is not None:
            guide = b - a
            a, b = self.spatial[0](a, guide), self.spatial[1](b, guide)
            a, b = norm(a), norm(b)
        if self.temporal is not None:
            mixed_a, mixed_b = split_dates(self.temporal(join_dates(a, b)))
            a, b = norm(mixed_a) + alpha * a, norm(mixed_b) + alpha * b
        return a, b


def join_dates(a: Tensor, b: Tensor) -> Tensor:
    """Tokens (B, N, C) of two dates in turn: (B, 2 N, C)."""
    return torch.stack([a, b], dim=2).flatten(1, 2)


def split_dates(x: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of :func:`join_dates`."""
    return x[:, 0::2], x[:, 1::2]


@MODELS.register_module()
class CaMaNeck(BaseModule):
    """Maps of two dates -> the tokens that a caption is read from.

    Args:
        dims: Channels of the map and of the tokens.
        num_layers: CaMa layers.
        grid: Rows and columns of the map that have a position of their own.
        use_sd: Scan space, guided by the difference (SD-SSM).
        use_tt: Scan time (TT-SSM).
        alpha: Start of the weight of what goes around the temporal scan.
        init: ``'paper'``: Xavier for all matrices, decay rates too, so that
            all states start out alike, and steps of 0.7. ``'mamba'``: rates
            of 1 to N and small steps, as Mamba starts.
        level: Which of the backbone's maps is used.
        init_cfg: As of MMEngine's `BaseModule`.
        **kwargs: Of :class:`BidirectionalMamba`: `expand`, `state_dims`,
            `conv_kernel`, `dt_rank`.

    Shape:
        - Input: maps of both dates, that of `level` (B, dims, h, w).
        - Output: (B, h w, dims), row by row.

    Raises:
        InputError: `init` is unknown.
    """

    def __init__(
        self,
        dims: int = 768,
        num_layers: int = 3,
        grid: int = 7,
        use_sd: bool = True,
        use_tt: bool = True,
        alpha: float = 0.0,
        init: str = 'paper',
        level: int = -1,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('init', init, ('paper', 'mamba'))
        check_number('num_layers', num_layers, 1)
        check_number('grid', grid, 1)
        self.level = level
        self.positions = AxisPositions(dims, grid)
        self.layers = nn.ModuleList(
            CaMaLayer(dims, use_sd, use_tt, **kwargs)
            for _ in range(num_layers)
        )
        self.shared_norm = nn.LayerNorm(dims)
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        if not use_tt:
            self.alpha.requires_grad_(False)
        self.fuse_proj = nn.Conv2d(2 * dims, dims, 1)
        self.fuse_block = nn.Sequential(
            nn.BatchNorm2d(dims),
            nn.ReLU(),
            nn.Conv2d(dims, dims, 3, padding=1),
            nn.BatchNorm2d(dims),
            nn.ReLU(),
            nn.Conv2d(dims, dims, 1),
            nn.BatchNorm2d(dims),
        )
        init_xavier(self)
        for module in self.modules():
            if isinstance(module, BidirectionalMamba):
                _init_scan(module, init)

    def forward(self, maps_a: Maps, maps_b: Maps) -> Tensor:
        """Make tokens of the maps of both dates."""
        a, b = self.positions(maps_a[self.level]), maps_b[self.level]
        size = a.shape[2:]
        a, b = _tokens(a), _tokens(self.positions(b))
        for layer in self.layers:
            a, b = layer(a, b, self.shared_norm, self.alpha)
        x = torch.cat([a, b], dim=2).transpose(1, 2).unflatten(2, size)
        x = self.fuse_proj(x)
        x = F.relu(self.fuse_block(x) + x)
        return self.shared_norm(_tokens(x))


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


@torch.no_grad()
def _init_scan(mixer: BidirectionalMamba, init: str) -> None:
    """Set the steps, and with ``'mamba'`` the rates, of both scans."""
    for end in ('', '_back'):
        bias = getattr(mixer, f'dt_proj{end}').bias
        A_log = getattr(mixer, f'A_log{end}')
        if init == 'paper':
            bias.zero_()
            continue
        rates = torch.arange(1, A_log.shape[1] + 1, dtype=A_log.dtype)
        A_log.copy_(rates.log().expand_as(A_log))
        step = 1e-3 * 100 ** torch.rand_like(bias)  # log-uniform, to 0.1
        bias.copy_(step + torch.log(-torch.expm1(-step)))
