"""Mix Transformer (MiT), the backbone of SegFormer (arXiv 2105.15203)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.models.layers.heads import check_heads
from mmrs.registry import MODELS
from mmrs.utils.checkpoint import load_weights, read_checkpoint
from mmrs.utils.settings import check_number

from .mit_names import convert_mit

# Of the norms of patches and of reduced keys; all others have 1e-6.
_EPS = 1e-5


class MiTArch(NamedTuple):
    """Sizes of a MiT, one number a stage.

    Attributes:
        dims: Channels of the maps.
        depths: Blocks.
        heads: Attention heads.
        reductions: Keys are taken from a map that is smaller by this factor.
    """

    dims: Sequence[int]
    depths: Sequence[int]
    heads: Sequence[int] = (1, 2, 5, 8)
    reductions: Sequence[int] = (8, 4, 2, 1)


_WIDE = (64, 128, 320, 512)
ARCHS = {
    'b0': MiTArch((32, 64, 160, 256), (2, 2, 2, 2)),
    'b1': MiTArch(_WIDE, (2, 2, 2, 2)),
    'b2': MiTArch(_WIDE, (3, 4, 6, 3)),
    'b3': MiTArch(_WIDE, (3, 4, 18, 3)),
    'b4': MiTArch(_WIDE, (3, 8, 27, 3)),
    'b5': MiTArch(_WIDE, (3, 6, 40, 3)),
}


def get_arch(arch: str | dict | MiTArch) -> MiTArch:
    """Look up the sizes of a MiT, or make them of a dict.

    Raises:
        InputError: There are none of this name, or they do not fit together.
    """
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise InputError(
                f'arch {arch!r} is none of {", ".join(ARCHS)}; give one of '
                'them, or a dict of sizes'
            )
        return ARCHS[arch]
    try:
        sizes = arch if isinstance(arch, MiTArch) else MiTArch(**arch)
    except TypeError as error:
        raise InputError(
            f'arch must be of {", ".join(MiTArch._fields)}, got '
            f'{", ".join(arch)}'
        ) from error
    if len({len(part) for part in sizes}) > 1:
        raise InputError(
            f'arch needs one number a stage in each of '
            f'{", ".join(MiTArch._fields)}, got {arch}'
        )
    for dims, heads in zip(sizes.dims, sizes.heads):
        check_heads(heads, dims)
    return sizes


@MODELS.register_module()
class MiTBackbone(BaseModule):
    """Four stages of attention over ever coarser maps.

    Args:
        arch: ``'b0'`` ... ``'b5'``, or a dict of the sizes of
            :class:`MiTArch`.
        in_channels: Bands of the image.
        mlp_ratio: Hidden channels of the feed-forward layers, in channels.
        drop_path: Chance to skip the last block in training; it grows
            linearly from 0 at the first.
        out_indices: Stages whose maps are returned.
        pretrained: Checkpoint of a trained MiT to start training from, under
            the names of SegFormer's authors, of mmsegmentation, of
            transformers or of this class. Read by ``init_weights``, so only
            where a training run begins.
        init_cfg: As of MMEngine's `BaseModule`.

    Shape:
        - Input: (B, in_channels, H, W).
        - Output: tuple of maps (B, dims[s], h, w), the finest first, with
          h = ceil(H / 4), ceil(H / 8), ceil(H / 16), ceil(H / 32) and w
          likewise.

    Raises:
        InputError: The sizes do not fit together, or one is out of range.
    """

    def __init__(
        self,
        arch: str | dict = 'b1',
        in_channels: int = 3,
        mlp_ratio: int = 4,
        drop_path: float = 0.1,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        pretrained: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        sizes = get_arch(arch)
        check_number('in_channels', in_channels, 1)
        check_number('drop_path', drop_path, 0, 1)
        if not out_indices:
            raise InputError('out_indices must name a stage, got none')
        for index in out_indices:
            check_number('out_indices', index, 0, len(sizes.dims) - 1)
        self.out_indices = tuple(out_indices)
        self.out_channels = tuple(sizes.dims[i] for i in self.out_indices)
        self.pretrained = pretrained
        rates = torch.linspace(0, drop_path, sum(sizes.depths), device='cpu')
        rates = iter(rates.tolist())
        self.stages = nn.ModuleList()
        for i, (dims, depth, heads, reduction) in enumerate(zip(*sizes)):
            blocks = [
                MiTBlock(dims, heads, reduction, mlp_ratio * dims, next(rates))
                for _ in range(depth)
            ]
            kernel, stride = (3, 2) if i else (7, 4)
            embed = PatchEmbed(in_channels, dims, kernel, stride)
            self.stages.append(MiTStage(embed, blocks))
            in_channels = dims
        self.apply(_init)

    def init_weights(self) -> None:
        """Load the trained weights, where some were named."""
        super().init_weights()
        if self.pretrained is None:
            return
        state_dict = read_checkpoint(self.pretrained)['state_dict']
        weights = dict(state_dict=convert_mit(state_dict))
        load_weights(self, weights, self.pretrained)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of images."""
        maps = []
        for stage in self.stages[: max(self.out_indices) + 1]:
            image = stage(image)
            maps.append(image)
        return tuple(maps[i] for i in self.out_indices)


class MiTStage(nn.Module):
    """Overlapping patches, blocks, and a norm: map -> coarser map."""

    def __init__(self, embed: nn.Module, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(embed.norm.normalized_shape, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Take and return (B, C, H, W)."""
        x, size = self.embed(x)
        for block in self.blocks:
            x = block(x, size)
        return _to_map(self.norm(x), size)


class PatchEmbed(nn.Module):
    """Overlapping patches: map -> normalised tokens (B, N, C), and (h, w)."""

    def __init__(
        self, in_channels: int, dims: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dims, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(dims, eps=_EPS)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Take (B, in_channels, H, W)."""
        x = self.proj(x)
        return self.norm(_to_tokens(x)), tuple(x.shape[2:])


class MiTBlock(nn.Module):
    """Attention and a feed-forward layer, both behind a norm, both added."""

    def __init__(
        self,
        dims: int,
        heads: int,
        reduction: int,
        hidden: int,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims, eps=1e-6)
        self.attn = ReducedAttention(dims, heads, reduction)
        self.norm2 = nn.LayerNorm(dims, eps=1e-6)
        self.mlp = MixFeedForward(dims, hidden)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Take and return (B, h w, C)."""
        x = x + self.drop_path(self.attn(self.norm1(x), size))
        return x + self.drop_path(self.mlp(self.norm2(x), size))


class ReducedAttention(nn.Module):
    """Attention of all places to the places of a smaller map."""

    def __init__(self, dims: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dims, dims)
        self.kv = nn.Linear(dims, 2 * dims)
        self.proj = nn.Linear(dims, dims)
        self.sr = None
        if reduction > 1:
            self.sr = nn.Conv2d(dims, dims, reduction, reduction)
            self.norm = nn.LayerNorm(dims, eps=_EPS)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Take and return (B, h w, C)."""
        query, source = self.q(x), x
        if self.sr is not None:
            source = self.norm(_to_tokens(self.sr(_to_map(x, size))))
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (query, *self.kv(source).chunk(2, dim=2))
        )
        y = F.scaled_dot_product_attention(query, key, value)
        return self.proj(y.transpose(1, 2).flatten(2))


class MixFeedForward(nn.Module):
    """A feed-forward layer whose 3x3 convolution tells where a token is."""

    def __init__(self, dims: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dims, hidden)
        self.conv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.fc2 = nn.Linear(hidden, dims)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Take and return (B, h w, C)."""
        x = _to_tokens(self.conv(_to_map(self.fc1(x), size)))
        return self.fc2(F.gelu(x))


def _to_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    return tokens.transpose(1, 2).unflatten(2, size)


def _to_tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def _init(module: nn.Module) -> None:
    """Initialise as SegFormer's authors do."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels
        std = math.sqrt(2 * module.groups / fan_out)
        nn.init.normal_(module.weight, std=std)
        nn.init.zeros_(module.bias)
