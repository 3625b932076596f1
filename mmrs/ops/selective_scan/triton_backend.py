"""The scan in Triton kernels, on CUDA devices.

Shapes alone decide how the work is divided, and no kernel adds to memory that
another writes: equal inputs give equal bits.
"""

from typing import Any

import torch
import triton
from torch import Tensor

from . import triton_conv, triton_scan
from .orders import Order
from .problem import Gradients, Problem, Solution
from .triton_orders import Walks, as_walks

BLOCK = 32  # channels of a program, one a lane
# Programs that leave no part of a large GPU idle, and how many to split the
# walks into where there are fewer.
ENOUGH_PROGRAMS = 1024
WANTED_PROGRAMS = 2048
SHORTEST_SEGMENT = 128  # steps
# Registers a lane: the forward pass lives off many programs at a time, while
# they hold their states; the backward pass off the states of a tile.
FEW_REGISTERS, FEW_STATES = 112, 16
ALL_REGISTERS = 255
CONV_ROWS, CONV_BLOCK = 16, 64  # steps and channels of a program


class _Launch:
    """A problem in the form of the kernels."""

    def __init__(self, p: Problem) -> None:
        self.p = p
        batch, paths, length, channels = p.u.shape
        groups, self.states = p.B.shape[3:]
        self.blocks = triton.cdiv(channels // groups, BLOCK)
        self.rows = (batch, paths)
        self.programs = batch * paths * groups * self.blocks
        self.segments, segment_length = split(self.programs, length)

        few = self.states <= FEW_STATES
        self.registers = FEW_REGISTERS if few else ALL_REGISTERS
        self.u, self.delta = p.u.contiguous(), p.delta.contiguous()
        self.z = p.z
        if p.z is not None and p.z.stride(2) != 1:
            self.z = p.z.contiguous()
        self.weights = torch.empty(
            (*p.B.shape[:4], 2, self.states),
            dtype=torch.float32,
            device=p.u.device,
        )
        self.weights[..., 0, :] = p.B
        self.weights[..., 1, :] = p.C
        self.walks = as_walks(p.orders, length, p.u.device)
        self.inputs = dict(
            delta=self.delta,
            A=p.A.transpose(1, 2).contiguous(),
            weights=self.weights,
            bias=None if p.delta_bias is None else p.delta_bias.contiguous(),
            formulas=self.walks.formulas,
            table=self.walks.table,
        )
        self.D = None if p.D is None else p.D.contiguous()
        self.settings = dict(
            length=length,
            channels=channels,
            paths=paths,
            groups=groups,
            blocks=self.blocks,
            tables=self.walks.tables,
            segments=self.segments,
            segment_length=segment_length,
            slot_size=BLOCK * triton.next_power_of_2(self.states),
            z_sequence=0 if self.z is None else self.z.stride(0),
            z_token=0 if self.z is None else self.z.stride(1),
            SOFTPLUS=p.delta_softplus,
            STRIDED=self.walks.strided,
            WIDE=_is_wide(length, channels, self.z),
            STATES=self.states,
            N=triton.next_power_of_2(self.states),
            BLOCK=BLOCK,
            num_warps=1,
        )

    def empty(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Memory for results (M, K, *shape)."""
        return self.p.u.new_empty((*self.rows, *shape), dtype=dtype)

    def segment_ends(self) -> dict[str, Tensor | None]:
        """Memory for what `scan` and `adjoint_ends` say of segments."""
        if self.segments == 1:
            return dict(totals=None, ends=None)
        return dict(
            totals=self.u.new_empty(
                (self.programs, self.segments, BLOCK), dtype=torch.float32
            ),
            ends=self.slots(self.segments),
        )

    def slots(self, *shape: int) -> Tensor:
        """Memory of all programs for states."""
        return self.u.new_empty(
            (self.programs, *shape, self.settings['N'], BLOCK),
            dtype=torch.float32,
        )

    def run(self, kernel: Any, segments: int, **arguments: Any) -> None:
        """Launch a kernel for some of the segments."""
        with torch.cuda.device_of(self.u):
            kernel[(self.programs, segments)](
                **self.inputs, **self.settings, **arguments
            )


def split(programs: int, length: int) -> tuple[int, int]:
    """Divide walks that are too few.

    Args:
        programs: Number of programs without segments.
        length: Steps L of a walk.

    Returns:
        Number of segments, and steps of all but the last.
    """
    if programs >= ENOUGH_PROGRAMS or length < 2 * SHORTEST_SEGMENT:
        return 1, length
    segments = min(WANTED_PROGRAMS // programs, length // SHORTEST_SEGMENT)
    kept = triton_scan.KEPT.value
    segment_length = triton.cdiv(triton.cdiv(length, segments), kept) * kept
    return triton.cdiv(length, segment_length), segment_length


def _is_wide(length: int, channels: int, z: Tensor | None) -> bool:
    """Whether an offset in one path can pass 32 bits."""
    token = channels if z is None else max(channels, z.stride(1))
    return length * token >= 2**31


def forward(p: Problem, keep_states: bool) -> Solution:
    """Compute the outputs.

    Args:
        p: The problem.
        keep_states: Keep the state before every KEPT-th step, for `backward`.
    """
    launch = _Launch(p)
    y = torch.empty_like(launch.u)
    last_state = launch.empty(launch.states, p.u.shape[3])
    kept = None
    if keep_states:
        chunks = triton.cdiv(p.u.shape[2], triton_scan.KEPT.value)
        kept = launch.slots(chunks)
    arguments = dict(
        u=launch.u,
        last_state=last_state,
        maxnreg=launch.registers,
        **launch.segment_ends(),
    )
    if launch.segments > 1:
        launch.run(
            triton_scan.scan,
            launch.segments - 1,
            D=None,
            z=None,
            y=None,
            kept=None,
            SUMMARY=True,
            **arguments,
        )
    launch.run(
        triton_scan.scan,
        launch.segments,
        D=launch.D,
        z=launch.z,
        y=y,
        kept=kept,
        SUMMARY=False,
        **arguments,
    )
    return Solution(
        y, last_state.transpose(2, 3), () if kept is None else (kept,)
    )


def backward(
    p: Problem, saved: tuple[Tensor, ...], grad_y: Tensor
) -> Gradients:
    """Compute the gradients."""
    launch = _Launch(p)
    batch, paths, length, channels = p.u.shape
    segments, states = launch.segments, launch.states
    (kept,) = saved
    grad_y = grad_y.to(p.u.dtype).contiguous()
    ends = launch.segment_ends()
    common = dict(z=launch.z, grad_y=grad_y, **ends)
    if segments > 1:
        launch.run(
            triton_scan.adjoint_ends,
            segments - 1,
            maxnreg=launch.registers,
            **common,
        )

    grad_u = torch.empty_like(launch.u)
    grad_delta = torch.empty_like(grad_u)
    grad_A = launch.empty(segments, states, channels)
    grad_weights = torch.empty(
        (launch.blocks, *launch.weights.shape),
        dtype=torch.float32,
        device=p.u.device,
    )
    grad_D, grad_bias = (
        None if t is None else launch.empty(segments, channels)
        for t in (p.D, p.delta_bias)
    )
    # One for every path, summed below
    grad_z = None if p.z is None else torch.empty_like(grad_u)
    tiles = triton_scan.KEPT.value // triton_scan.TILE.value
    launch.run(
        triton_scan.scan_backward,
        segments,
        u=launch.u,
        D=launch.D,
        kept=kept,
        scratch=launch.slots(segments, tiles),
        grad_u=grad_u,
        grad_delta=grad_delta,
        grad_A=grad_A,
        grad_weights=grad_weights,
        grad_D=grad_D,
        grad_z=grad_z,
        grad_bias=grad_bias,
        maxnreg=ALL_REGISTERS,
        **common,
    )
    grad_weights = grad_weights.sum(0)
    return Gradients(
        grad_u,
        grad_delta,
        grad_A.sum((0, 2)).transpose(1, 2),
        grad_weights[..., 0, :].to(p.B.dtype),
        grad_weights[..., 1, :].to(p.C.dtype),
        None if grad_D is None else grad_D.sum((0, 2)),
        None if grad_z is None else grad_z.sum(1),
        None if grad_bias is None else grad_bias.sum((0, 2)),
    )


def conv_forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, orders: tuple[Order, ...]
) -> Tensor:
    """Convolve along every order, then SiLU; see `multi_order_conv`."""
    batch, length, channels = x.shape
    if x.stride(2) != 1:
        x = x.contiguous()
    y = x.new_empty((batch, len(orders), length, channels))
    walks = as_walks(orders, length, x.device)
    grid = _conv_tiles(length) * triton.cdiv(channels, CONV_BLOCK)
    with torch.cuda.device_of(x):
        triton_conv.conv[(batch * len(orders) * grid,)](
            y=y,
            STRIDED=walks.strided,
            **_conv_arguments(x, weight, bias, walks),
        )
    return y


def conv_backward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    orders: tuple[Order, ...],
    grad_y: Tensor,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Compute the gradients of x, weight and bias."""
    batch, length, channels = x.shape
    if x.stride(2) != 1:
        x = x.contiguous()
    grad_x = x.new_empty((batch, length, channels))
    tiles = _conv_tiles(length)
    grad_weight = torch.empty(
        (batch * tiles, weight.shape[1], channels),
        dtype=torch.float32,
        device=x.device,
    )
    grad_bias = None if bias is None else torch.empty_like(grad_weight[:, 0])
    walks = as_walks(orders, length, x.device)
    inverse = as_walks(orders, length, x.device, inverse=True)
    grid = batch * tiles * triton.cdiv(channels, CONV_BLOCK)
    with torch.cuda.device_of(x):
        triton_conv.conv_backward[(grid,)](
            grad_y=grad_y.to(x.dtype).contiguous(),
            inverse_formulas=inverse.formulas,
            inverse_table=inverse.table,
            grad_x=grad_x,
            grad_weight=grad_weight,
            grad_bias=grad_bias,
            STRIDED=walks.strided or inverse.strided,
            **_conv_arguments(x, weight, bias, walks),
        )
    return (
        grad_x,
        grad_weight.sum(0).t().to(weight.dtype),
        None if bias is None else grad_bias.sum(0).to(bias.dtype),
    )


def _conv_tiles(length: int) -> int:
    return triton.cdiv(length, CONV_ROWS)


def _conv_arguments(
    x: Tensor, weight: Tensor, bias: Tensor | None, walks: Walks
) -> dict[str, Any]:
    """What both kernels of the convolution take."""
    _, length, channels = x.shape
    return dict(
        x=x,
        weight=weight.t().contiguous(),
        bias=None if bias is None else bias.contiguous(),
        formulas=walks.formulas,
        table=walks.table,
        length=length,
        channels=channels,
        paths=len(walks.formulas),
        tables=walks.tables,
        x_sequence=x.stride(0),
        x_token=x.stride(1),
        TAPS=weight.shape[1],
        ROWS=CONV_ROWS,
        BLOCK=CONV_BLOCK,
        num_warps=4,
    )
