"""RSMamba's backbone.

Paper: RSMamba, arXiv 2403.19654. Names of parameters are those of the authors'
checkpoints (Apache-2.0). What differs from their code is listed in
docs/rsmamba.md.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import PatchEmbed
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmrs.errors import InputError
from mmrs.models.layers import MambaMixer
from mmrs.ops.selective_scan import Order
from mmrs.registry import MODELS
from mmrs.utils.checkpoint import GRID
from mmrs.utils.settings import check_choice, check_number

from .archs import RSMambaArch, get_arch
from .paths import (
    fixed_shuffles,
    make_orders,
    parse_path_type,
    random_shuffles,
    seeded_shuffles,
    shuffles_of,
)
from .tokens import (
    NUM_CLS_TOKENS,
    TokenLayout,
    resize_positions,
    sine_positions,
)

_CHOICES = dict(
    pe_type=('learnable', 'sine', 'none'),
    cls_position=tuple(NUM_CLS_TOKENS),
    out_type=('avg_featmap', 'cls_token', 'featmap', 'raw'),
    interpolate_mode=('nearest', 'bilinear', 'bicubic'),
    shuffle=('random', 'fixed', 'seeded'),
    shuffle_eval=('fixed', 'random'),
)


@MODELS.register_module()
class RSMamba(BaseModule):
    """Patches of an image, mixed by scans along several orders.

    Each of the N blocks normalises the tokens, scans them along its paths
    with the same weights, merges the results and adds them to the tokens.

    Args:
        arch: ``'s'``, ``'b'``, ``'l'``, ``'h'`` (or the long names
            ``'small'`` ...), or a dict with ``embed_dims`` (d),
            ``num_layers`` (N) and ``feedforward_channels`` (of the scans).
        pe_type: Position embedding: ``'learnable'``, ``'sine'`` or
            ``'none'``.
        path_type: Paths and their merging: different ones of ``forward``,
            ``reverse``, ``shuffle`` and ``strided`` (down the columns),
            joined by underscores; if there are several, then ``_mean``, or
            ``_gate`` for weights computed from the paths' token means. The
            paper's are ``'forward'``, ``'forward_reverse_mean'``,
            ``'forward_reverse_gate'`` and
            ``'forward_reverse_shuffle_gate'``.
        cls_position: Place of class tokens; see :class:`TokenLayout`.
        img_size: Size of the training images, (height, width) or one number.
            Other sizes are taken too, with interpolated positions.
        patch_size: Size of a patch, likewise.
        in_channels: Bands of the image.
        out_indices: Blocks whose output is returned; negative ones count
            from the last.
        drop_rate: Dropout after the position embedding.
        drop_path_rate: Chance to skip the last block in training; it grows
            linearly from 0 at the first.
        norm_cfg: Of all norms.
        final_norm: Normalise the output of the last block.
        share_pre_norm: One norm before all blocks, as in the release, or one
            for each.
        out_type: ``'avg_featmap'``: mean of the patches, normalised, (B, d);
            ``'cls_token'``: mean of the class tokens, (B, d);
            ``'featmap'``: (B, d, h, w); ``'raw'``: all tokens, (B, L, d).
        frozen_stages: Do not train the first so many blocks, the embeddings
            and a shared norm; 0 freezes the embeddings alone, -1 nothing.
        interpolate_mode: For the positions of other image sizes.
        patch_cfg: More arguments of mmcv's `PatchEmbed`; by default the
            stride is the patch size.
        layer_cfgs: More arguments of :class:`MambaMixer`, for all blocks or
            a list of one dict a block.
        dt_init: As of :class:`MambaMixer`; ``'torch'`` is the release's.
        shuffle: Permutations of the path `shuffle` in training: ``'random'``
            draws one a block for each batch, ``'seeded'`` too, but the same
            in all processes (a function of `shuffle_seed` and the runner's
            iteration), ``'fixed'`` never changes them.
        shuffle_eval: Likewise in evaluation, ``'fixed'`` or ``'random'``.
            The fixed ones follow from block and number of tokens alone, so
            that results can be repeated; the release draws them.
        shuffle_seed: For ``shuffle='seeded'``.
        with_cp: Keep no activations of blocks, compute them again in the
            backward pass.
        scan_backend: As `backend` of
            :func:`mmrs.ops.selective_scan.multi_order_scan`; None takes the
            fastest one.
        init_cfg: As of MMEngine's `BaseModule`.

    Shape:
        - Input: (B, in_channels, H, W), neither side smaller than a patch.
        - Output: tuple, one tensor for each of `out_indices`; its shape is
          that of `out_type`. Zeros at the bottom and right fill up patches,
          so that h = ceil(H / stride), and w likewise.

    Raises:
        InputError: A choice is unknown, or choices do not fit.
    """

    def __init__(
        self,
        arch: str | dict | RSMambaArch = 'base',
        pe_type: str = 'learnable',
        path_type: str = 'forward_reverse_shuffle_gate',
        cls_position: str = 'none',
        img_size: int | tuple[int, int] = 224,
        patch_size: int | tuple[int, int] = 16,
        in_channels: int = 3,
        out_indices: int | Sequence[int] = -1,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        norm_cfg: dict = dict(type='LN', eps=1e-6),  # noqa: B006
        final_norm: bool = True,
        share_pre_norm: bool = True,
        out_type: str = 'avg_featmap',
        frozen_stages: int = -1,
        interpolate_mode: str = 'bicubic',
        patch_cfg: dict | None = None,
        layer_cfgs: dict | Sequence[dict] | None = None,
        dt_init: str = 'torch',
        shuffle: str = 'random',
        shuffle_eval: str = 'fixed',
        shuffle_seed: int = 0,
        with_cp: bool = False,
        scan_backend: str | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        _check_choices(
            pe_type=pe_type,
            cls_position=cls_position,
            out_type=out_type,
            interpolate_mode=interpolate_mode,
            shuffle=shuffle,
            shuffle_eval=shuffle_eval,
        )
        if out_type == 'cls_token' and cls_position == 'none':
            raise InputError(
                "out_type='cls_token' needs a class token; set cls_position "
                'to head, tail, head_tail or middle'
            )
        dims, depth, inner_dims = self.arch = get_arch(arch)
        for name, size in self.arch._asdict().items():
            check_number(f'arch.{name}', size, 1)
        check_number('in_channels', in_channels, 1)
        for size, patch in zip(_pair(img_size), _pair(patch_size)):
            check_number('patch_size', patch, 1)
            check_number('img_size', size, patch)
        check_number('drop_rate', drop_rate, 0, 1)
        check_number('drop_path_rate', drop_path_rate, 0, 1)
        check_number('frozen_stages', frozen_stages, -1, depth)
        self.embed_dims = dims
        self.cls_position = cls_position
        self.out_indices = _resolve_indices(out_indices, depth)
        self.out_type = out_type
        self.frozen_stages = frozen_stages
        self.interpolate_mode = interpolate_mode
        self.paths, merge = parse_path_type(path_type)
        self.shuffle = shuffle
        self.shuffle_eval = shuffle_eval
        self.shuffle_seed = shuffle_seed
        self.with_cp = with_cp

        self._make_embedding(
            _pair(img_size),
            _pair(patch_size),
            in_channels,
            patch_cfg or {},
            pe_type,
        )
        self.drop_after_pos = nn.Dropout(drop_rate)
        self._make_mixers(
            inner_dims,
            layer_cfgs or {},
            dict(dt_init=dt_init, scan_backend=scan_backend),
        )
        self.gate_layers = None
        if merge == 'gate':
            self.gate_layers = nn.ModuleList(
                _make_gate(len(self.paths), dims) for _ in range(depth)
            )
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu')
        self.drop_paths = nn.ModuleList(map(DropPath, rates.tolist()))
        self._make_norms(norm_cfg, share_pre_norm, final_norm)
        self._freeze()

    def _make_embedding(
        self,
        img_size: tuple[int, int],
        patch_size: tuple[int, int],
        in_channels: int,
        patch_cfg: dict,
        pe_type: str,
    ) -> None:
        self.patch_size = patch_size
        defaults = dict(
            in_channels=in_channels,
            embed_dims=self.embed_dims,
            kernel_size=patch_size,
            stride=patch_size,
            bias=False,
            input_size=img_size,
        )
        self.patch_embed = PatchEmbed(**(defaults | patch_cfg))
        self.layout = TokenLayout(
            *self.patch_embed.init_out_size, self.cls_position
        )
        num = NUM_CLS_TOKENS[self.cls_position]
        self.cls_token = None
        if num:
            self.cls_token = nn.Parameter(torch.zeros(1, num, self.embed_dims))
        if pe_type == 'learnable':
            shape = (1, self.layout.length, self.embed_dims)
            self.pos_embed = nn.Parameter(torch.empty(shape))
            nn.init.trunc_normal_(self.pos_embed, std=0.02)
            # Tables of 8 x 8 and of 4 x 16 patches have the same shape.
            grid = torch.tensor(self.layout[:2])
            self.register_buffer(f'pos_embed{GRID}', grid)
            return
        positions = None
        if pe_type == 'sine':
            positions = sine_positions(self.layout, self.embed_dims)
        self.register_buffer('pos_embed', positions, persistent=False)

    def _make_mixers(
        self, inner_dims: int, layer_cfgs: dict | Sequence[dict], common: dict
    ) -> None:
        dims, depth, _ = self.arch
        if isinstance(layer_cfgs, dict):
            layer_cfgs = [layer_cfgs] * depth
        if len(layer_cfgs) != depth:
            raise InputError(
                f'layer_cfgs is a list of {len(layer_cfgs)}, but there are '
                f'{depth} blocks'
            )
        self.layers = nn.ModuleList(
            MambaMixer(dims, inner_dims, **(common | cfg))
            for cfg in layer_cfgs
        )

    def _make_norms(
        self, norm_cfg: dict, share_pre_norm: bool, final_norm: bool
    ) -> None:
        def norm() -> nn.Module:
            return build_norm_layer(norm_cfg, self.embed_dims)[1]

        self.pre_norm = norm() if share_pre_norm else None
        self.pre_norms = None
        if not share_pre_norm:
            self.pre_norms = nn.ModuleList(norm() for _ in self.layers)
        self.ln1 = norm() if final_norm else nn.Identity()
        if self.out_type == 'avg_featmap':
            self.ln2 = norm()

    def _block_parts(self, block: int) -> list[nn.Module]:
        lists = (
            self.layers,
            self.drop_paths,
            self.gate_layers,
            self.pre_norms,
        )
        return [parts[block] for parts in lists if parts is not None]

    def _frozen_modules(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        modules = [self.patch_embed, self.drop_after_pos]
        for block in range(self.frozen_stages):
            modules += self._block_parts(block)
        if self.frozen_stages > 0 and self.pre_norm is not None:
            modules.append(self.pre_norm)
        if self.frozen_stages == len(self.layers):
            modules.append(self.ln1)
        return modules

    def _freeze(self) -> None:
        for module in self._frozen_modules():
            module.eval().requires_grad_(False)
        if self.frozen_stages >= 0:
            for parameter in (self.pos_embed, self.cls_token):
                if parameter is not None:
                    parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> 'RSMamba':
        """Set the mode; frozen parts stay in evaluation."""
        super().train(mode)
        self._freeze()
        return self

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Fit the positions of images of another size."""
        name = f'{prefix}pos_embed'
        if isinstance(self.pos_embed, nn.Parameter) and name in state_dict:
            grid = state_dict.get(name + GRID)
            state_dict[name] = self._fit_positions(state_dict[name], grid)
            state_dict[name + GRID] = torch.tensor(self.layout[:2])
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _fit_positions(self, pos_embed: Tensor, grid: Tensor | None) -> Tensor:
        """Interpolate a table from its grid to that of the model.

        Files without a record of the grid are of the authors, whose images
        are square, or older.
        """
        if pos_embed.ndim != 3:
            return pos_embed
        num_patches = pos_embed.shape[1] - NUM_CLS_TOKENS[self.cls_position]
        side = round(max(num_patches, 0) ** 0.5)
        size = (side, side) if grid is None else tuple(grid.tolist())
        old = TokenLayout(*size, self.cls_position)
        if old == self.layout or not 0 < old.num_patches == num_patches:
            return pos_embed  # PyTorch reports sizes that do not fit
        print_log(
            f'Positions of {old.height} x {old.width} patches are '
            f'interpolated to {self.layout.height} x {self.layout.width}',
            'current',
        )
        return resize_positions(
            pos_embed, old, self.layout, self.interpolate_mode
        )

    def forward(
        self, x: Tensor, permutations: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, ...]:
        """Compute the features of images.

        Args:
            x: (B, in_channels, H, W).
            permutations: Those of the path `shuffle`, one a block, (L,) or
                (B, L); by default as `shuffle` and `shuffle_eval` say.
        """
        outputs, layout = self._encode(x, permutations)
        return tuple(self._to_output(tokens, layout) for tokens in outputs)

    @torch.no_grad()
    def class_activation(
        self,
        x: Tensor,
        weight: Tensor,
        permutations: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Share of each patch in a linear score of the features.

        The features are an affine function of the patches' outputs, but for
        the deviation by which the last norm divides. With that held, the
        score is exactly the sum of the shares.

        Args:
            x: (B, in_channels, H, W).
            weight: Of the score weight . features, (B, d); for example a row
                of the classifier for each image.
            permutations: As of :meth:`forward`.

        Returns:
            Shares, (B, h, w). Their sum is weight . features.

        Raises:
            InputError: `out_type` is not ``'avg_featmap'``, so that there is
                no such sum.
        """
        if self.out_type != 'avg_featmap':
            raise InputError(
                'class_activation needs the mean of the patches, '
                f"out_type='avg_featmap'; this model has {self.out_type!r}"
            )
        outputs, layout = self._encode(x, permutations)
        patches = layout.separate(outputs[-1])[0].float()
        norm = self.ln2
        variance = patches.mean(1).var(-1, correction=0)
        scale = weight.float() * norm.weight.float()
        scale = scale / (variance + norm.eps).sqrt()[:, None]
        centred = patches - patches.mean(-1, keepdim=True)
        scores = (centred @ scale.unsqueeze(-1)).squeeze(-1)  # (B, P)
        shift = weight.float() @ norm.bias.float()
        shares = (scores + shift[:, None]) / layout.num_patches
        return shares.unflatten(1, (layout.height, layout.width))

    def _encode(
        self, images: Tensor, permutations: Sequence[Tensor] | None
    ) -> tuple[list[Tensor], TokenLayout]:
        """Run all blocks: outputs (B, L, d) of `out_indices`, and layout."""
        x, layout = self._embed(images)
        shuffles = self._shuffles(layout.length, x.device, permutations)
        outputs = []
        for block, shuffle in enumerate(shuffles):
            orders = make_orders(self.paths, layout, shuffle)
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(
                    self._block, block, x, orders, use_reentrant=False
                )
            else:
                x = self._block(block, x, orders)
            if block == len(self.layers) - 1:
                x = self.ln1(x)
            if block in self.out_indices:
                outputs.append(x)
        return outputs, layout

    def _embed(self, images: Tensor) -> tuple[Tensor, TokenLayout]:
        height, width = images.shape[-2:]
        if height < self.patch_size[0] or width < self.patch_size[1]:
            raise InputError(
                f'images of {height} x {width} pixels are smaller than a '
                f'patch of {self.patch_size[0]} x {self.patch_size[1]}; '
                'enlarge them in the pipeline, or set patch_size'
            )
        x, (height, width) = self.patch_embed(images)
        layout = TokenLayout(height, width, self.cls_position)
        if self.cls_token is not None:
            x = layout.join(x, self.cls_token.expand(len(x), -1, -1))
        if self.pos_embed is not None:
            x = x + resize_positions(
                self.pos_embed, self.layout, layout, self.interpolate_mode
            )
        return self.drop_after_pos(x), layout

    def _block(self, block: int, x: Tensor, orders: list[Order]) -> Tensor:
        norm = self.pre_norms[block] if self.pre_norms else self.pre_norm
        gate = self.gate_layers[block] if self.gate_layers else None
        mixed = self.layers[block](norm(x), orders, gate)
        return x + self.drop_paths[block](mixed)

    def _shuffles(
        self,
        length: int,
        device: torch.device,
        permutations: Sequence[Tensor] | None,
    ) -> Sequence[Order | None]:
        """Return the order of the path `shuffle` in each block."""
        num = len(self.layers)
        if 'shuffle' not in self.paths:
            if permutations is not None:
                raise ValueError(
                    'permutations are given, but path_type has no shuffle'
                )
            return [None] * num
        if permutations is not None:
            if len(permutations) != num:
                raise ValueError(
                    f'{len(permutations)} permutations are given for {num} '
                    'blocks'
                )
            return shuffles_of(permutations, device)
        kind = self.shuffle if self.training else self.shuffle_eval
        if kind == 'random':
            return random_shuffles(num, length, device)
        if kind == 'fixed':
            return fixed_shuffles(num, length, device)
        return seeded_shuffles(num, length, device, self.shuffle_seed)

    def _to_output(self, tokens: Tensor, layout: TokenLayout) -> Tensor:
        if self.out_type == 'raw':
            return tokens
        patches, cls_tokens = layout.separate(tokens)
        if self.out_type == 'cls_token':
            return cls_tokens.mean(1)
        if self.out_type == 'avg_featmap':
            return self.ln2(patches.mean(1))
        size = (layout.height, layout.width)
        return patches.transpose(1, 2).unflatten(2, size)


def _check_choices(**choices: str) -> None:
    for name, choice in choices.items():
        check_choice(name, choice, _CHOICES[name])


def _make_gate(num_paths: int, dims: int) -> nn.Module:
    """From token means of all paths (B, K d) to weights (B, K)."""
    linear = nn.Linear(num_paths * dims, num_paths, bias=False)
    return nn.Sequential(linear, nn.Softmax(dim=-1))


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)


def _resolve_indices(indices: int | Sequence[int], depth: int) -> list[int]:
    indices = [indices] if isinstance(indices, int) else list(indices)
    for index in indices:
        if not -depth <= index < depth:
            raise InputError(
                f'out_indices must be -{depth} to {depth - 1} for {depth} '
                f'blocks, got {index}'
            )
    return [index % depth for index in indices]
