"""SAM's image encoder: any input size, hidden states, faster attention."""

from collections.abc import Iterator

import torch
from segment_anything.modeling.image_encoder import Block, ImageEncoderViT
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmrs.errors import InputError
from mmrs.models.sam.archs import SamArch, get_arch
from mmrs.models.sam.attention import ATTENTION
from mmrs.ops.positions import resize_grid, resize_offsets


def relative_positions(rel_pos: Tensor, size: int) -> Tensor:
    """Look up the vectors of all pairs of `size` positions.

    Args:
        rel_pos: Table `(L, d)`; entry q - k + (L - 1) / 2 is for query q and
            key k. Resized when L is not 2 * size - 1.
        size: Number of positions S.

    Returns:
        `(S, d, S)`: for every query position, every key position.
    """
    rel_pos = resize_offsets(rel_pos, 2 * size - 1)
    # Row q of the result is entries q + S - 1 down to q: windows of the
    # reversed table, taken from its end.
    return rel_pos.flip(0).unfold(0, size, 1).flip(0)


class EncoderBlock(Block):
    """A transformer block of SAM's encoder with a choice of attention.

    Same parameters and results as segment_anything's `Block`. Tokens that
    only pad the last windows are added after the projection to queries, keys
    and values and dropped before the output projection: on padding the
    projection is its bias, so nothing is lost by not computing it.

    Args:
        arch: Sizes of the encoder.
        window_size: Side of a window in tokens, 0 for global attention.
        grid_size: Side of the token grid the position tables are made for.
        attn_impl: A key of `ATTENTION`.
    """

    def __init__(
        self, arch: SamArch, window_size: int, grid_size: int, attn_impl: str
    ) -> None:
        super().__init__(
            dim=arch.embed_dim,
            num_heads=arch.num_heads,
            norm_layer=_layer_norm,
            use_rel_pos=True,
            window_size=window_size,
            input_size=(grid_size, grid_size),
        )
        self.attend = ATTENTION[attn_impl]

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens `(B, H, W, C)` to tokens of the same shape."""
        x = x + self.attn.proj(self.mix(self.attn.qkv(self.norm1(x))))
        return x + self.mlp(self.norm2(x))

    def mix(self, qkv: Tensor) -> Tensor:
        """Attend over `(B, H, W, 3 * C)`; returns `(B, H, W, C)`."""
        batch, height, width, _ = qkv.shape
        side_h = self.window_size or height
        side_w = self.window_size or width
        rows, columns = -(-height // side_h), -(-width // side_w)
        qkv = self.pad(qkv, rows * side_h, columns * side_w)
        # (3, B, rows, columns, heads, side_h, side_w, d), still a view
        q, k, v = qkv.view(
            batch, rows, side_h, columns, side_w, 3, self.attn.num_heads, -1
        ).permute(5, 0, 1, 3, 6, 2, 4, 7)
        table_h = relative_positions(self.attn.rel_pos_h, side_h)
        table_w = relative_positions(self.attn.rel_pos_w, side_w)
        rel_h = torch.einsum('...yxc,yck->...yxk', q, table_h)
        rel_w = torch.einsum('...yxc,xck->...yxk', q, table_w)
        out = self.attend(q, k, v, rel_h, rel_w)
        out = out.reshape(q.shape).permute(0, 1, 4, 2, 5, 3, 6)
        out = out.reshape(batch, rows * side_h, columns * side_w, -1)
        return out[:, :height, :width]

    def pad(self, qkv: Tensor, height: int, width: int) -> Tensor:
        """Pad `(B, H, W, 3 * C)` with the projection of a zero token."""
        batch, old_height, old_width, channels = qkv.shape
        if (old_height, old_width) == (height, width):
            return qkv
        padded = qkv.new_empty(batch, height, width, channels)
        padded[:, :old_height, :old_width] = qkv
        padded[:, old_height:] = self.attn.qkv.bias
        padded[:, :old_height, old_width:] = self.attn.qkv.bias
        return padded


def _layer_norm(dim: int) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=1e-6)


class SamImageEncoder(ImageEncoderViT):
    """SAM's ViT with the official parameter names.

    Differs from segment_anything's encoder in what it takes and how fast it
    is: the sides of the input may be any multiples of the patch size
    (position tables are resized at run time, the absolute one bicubically,
    the relative ones linearly), and the attention kernel can be chosen.

    A new encoder is ready to be trained from scratch: absolute positions are
    drawn from a normal distribution of deviation 0.02, relative ones are 0.

    Args:
        arch: Name or sizes, see :func:`get_arch`.
        img_size: Side of the image in pixels the position tables are for.
        attn_impl: `'eager' | 'sdpa' | 'flash' | 'flex'`, see
            :mod:`mmrs.models.sam.attention`. All give the same result.
        with_cp: Recompute each block in the backward pass to save memory.
    """

    def __init__(
        self,
        arch: str | dict | SamArch,
        img_size: int = 1024,
        attn_impl: str = 'flash',
        with_cp: bool = False,
    ) -> None:
        arch = get_arch(arch)
        if attn_impl not in ATTENTION:
            raise InputError(
                f"attn_impl='{attn_impl}' is unknown: use one of "
                f'{", ".join(ATTENTION)}'
            )
        super().__init__(
            img_size=img_size,
            patch_size=arch.patch_size,
            embed_dim=arch.embed_dim,
            depth=0,
            out_chans=arch.out_chans,
        )
        self.arch = arch
        self.with_cp = with_cp
        for i in range(arch.depth):
            is_global = i in arch.global_attn_indexes
            self.blocks.append(
                EncoderBlock(
                    arch,
                    window_size=0 if is_global else arch.window_size,
                    grid_size=img_size // arch.patch_size,
                    attn_impl=attn_impl,
                )
            )
        nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Encode images and keep what every block returned.

        Args:
            x: Normalised images `(B, 3, H, W)`; H and W are multiples of the
                patch size.

        Returns:
            The image embedding `(B, out_chans, h, w)` and `depth + 1` hidden
            states `(B, h, w, embed_dim)`: after the position embedding, then
            after each block.
        """
        states = list(self.hidden_states(x))
        return self.neck(states[-1].permute(0, 3, 1, 2)), states

    def encode(self, x: Tensor) -> Tensor:
        """Return the image embedding alone, holding one state at a time."""
        for state in self.hidden_states(x):
            last = state
        return self.neck(last.permute(0, 3, 1, 2))

    def hidden_states(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the tokens before the first and after every block."""
        patch = self.arch.patch_size
        if x.shape[2] % patch or x.shape[3] % patch:
            raise InputError(
                f'An image of {x.shape[2]} x {x.shape[3]} pixels does not '
                f'divide into patches of {patch}: set pad_size_divisor to a '
                f'multiple of {patch} in data_preprocessor'
            )
        x = self.patch_embed(x)
        x = x + resize_grid(self.pos_embed, x.shape[1:3])
        yield x
        for block in self.blocks:
            if self.with_cp and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
            yield x
