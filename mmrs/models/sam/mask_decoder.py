"""SAM's mask decoder for many prompts on many images at once."""

import torch
import torch.nn.functional as F
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from segment_anything.modeling.transformer import (
    Attention,
    TwoWayAttentionBlock,
)
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmrs.models.sam.archs import SamArch, get_arch
from mmrs.models.sam.checkpoints import load_sam_weights
from mmrs.registry import MODELS

# Keys of a block and what its attentions project of them: keys, values of
# token-to-image and queries of image-to-token attention.
ImageSide = tuple[Tensor, Tensor, Tensor, Tensor]


@MODELS.register_module()
class RSSamMaskDecoder(MaskDecoder):
    """SAM's mask decoder with the official parameter names.

    segment_anything's decoder takes the prompts of one image per call. This
    one takes those of a batch of images and gives the same masks with less
    work:

    * With one dense prompt for all, the first block still sees the same
      image tokens for every prompt of an image, so it projects them once per
      image. They differ between prompts only after that block.
    * Attention runs in PyTorch's fused kernels.
    * The 2 x 2 transposed convolutions act on each pixel alone: they, the
      norm and the product with the mask token run as matrix products over
      channel-last rows, and only the finished masks are put in order.
    * Only the masks asked for are computed.

    Args:
        sam_arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        sam_checkpoint: Weights of a SAM, see
            :func:`mmrs.models.sam.load_sam_weights`.
        norm_eps: Epsilon of the transformer blocks' norms: 1e-5 in the
            official code, 1e-6 in transformers' (and so in models trained
            with it).
        chunk_size: Prompts decoded at a time, all when None. Bounds the
            memory, in training only together with `with_cp`.
        with_cp: Recompute each chunk in the backward pass to save memory.
    """

    def __init__(
        self,
        sam_arch: str | dict | SamArch,
        sam_checkpoint: str | None = None,
        norm_eps: float = 1e-5,
        chunk_size: int | None = None,
        with_cp: bool = False,
    ) -> None:
        arch = get_arch(sam_arch)
        super().__init__(
            transformer_dim=arch.out_chans,
            transformer=TwoWayTransformer(
                depth=2,
                embedding_dim=arch.out_chans,
                num_heads=arch.decoder_heads,
                mlp_dim=arch.decoder_mlp_dim,
            ),
            iou_head_hidden_dim=arch.iou_head_hidden_dim,
        )
        for module in self.transformer.layers.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = norm_eps
        self.chunk_size = chunk_size
        self.with_cp = with_cp
        if sam_checkpoint:
            load_sam_weights(self, sam_checkpoint, 'mask_decoder.')

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompts: Tensor,
        dense_prompts: Tensor,
        image_ids: Tensor,
        multimask_output: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks that prompts ask for.

        Args:
            image_embeddings: Output of the image encoder `(B, C, h, w)`.
            image_pe: Position encoding of that grid `(1, C, h, w)`.
            sparse_prompts: K prompt tokens per mask `(N, K, C)`.
            dense_prompts: `(N, C, h, w)`, or `(1, C, h, w)` for all.
            image_ids: Image of each prompt `(N,)`, int64 in [0, B), in any
                order; an image may have none.
            multimask_output: Return the three masks for ambiguous prompts
                instead of the single one.

        Returns:
            Mask logits `(N, M, 4h, 4w)` and predicted IoU `(N, M)` with M of
            1 or 3. N may be 0.
        """
        grid = image_embeddings.shape[-2:]
        image = _tokens(image_embeddings)
        image_pe = _tokens(image_pe)
        dense = _tokens(dense_prompts)
        step = self.chunk_size or max(len(image_ids), 1)
        ids_chunks = image_ids.split(step)
        if len(dense) == 1:
            shared = self.image_side(image + dense, image_pe)
            dense_chunks = [None] * len(ids_chunks)
        else:
            dense_chunks = dense.split(step)

        def decode(ids: Tensor, sparse: Tensor, dense: Tensor | None):
            if dense is None:
                side = tuple(_of_prompts(x, ids) for x in shared)
            else:
                keys = _of_prompts(image, ids) + dense
                side = self.image_side(keys, image_pe)
            return self.decode(side, image_pe, sparse, grid, multimask_output)

        if self.with_cp and self.training:
            run = _checkpointed(decode)
        else:
            run = decode
        chunks = zip(ids_chunks, sparse_prompts.split(step), dense_chunks)
        masks, ious = zip(*(run(*chunk) for chunk in chunks))
        return torch.cat(masks), torch.cat(ious)

    def image_side(self, keys: Tensor, image_pe: Tensor) -> ImageSide:
        """Project the image tokens `(G, L, C)` for the first block."""
        return keys, *_project(self.transformer.layers[0], keys, image_pe)

    def decode(
        self,
        image_side: ImageSide,
        image_pe: Tensor,
        sparse_prompts: Tensor,
        grid: tuple[int, int],
        multimask_output: bool,
    ) -> tuple[Tensor, Tensor]:
        """Decode n prompts whose image tokens are given one by one.

        Args:
            image_side: Image tokens `(n, L, C)` and their projections for
                the first block.
            image_pe: Position encoding `(1, L, C)`.
            sparse_prompts: `(n, K, C)`.
            grid: `(h, w)` with `h * w` = L.
            multimask_output: See :meth:`forward`.

        Returns:
            Mask logits `(n, M, 4h, 4w)` and predicted IoU `(n, M)`.
        """
        output_tokens = torch.cat(
            [self.iou_token.weight, self.mask_tokens.weight]
        ).expand(len(sparse_prompts), -1, -1)
        tokens = torch.cat([output_tokens, sparse_prompts], dim=1)
        tokens, keys = self.run_transformer(tokens, image_side, image_pe)

        wanted = range(1, self.num_mask_tokens) if multimask_output else [0]
        mask_tokens = torch.stack(
            [
                self.output_hypernetworks_mlps[i](tokens[:, 1 + i])
                for i in wanted
            ],
            dim=2,
        )
        masks = self.draw(keys, mask_tokens, grid)
        return masks, self.iou_prediction_head(tokens[:, 0])[:, list(wanted)]

    def run_transformer(
        self, tokens: Tensor, image_side: ImageSide, image_pe: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Let prompt tokens and image tokens attend to each other."""
        first, second = self.transformer.layers
        queries, keys = _two_way(first, tokens, tokens, image_side)
        image_side = keys, *_project(second, keys, image_pe)
        queries, keys = _two_way(second, queries, tokens, image_side)

        final = self.transformer.final_attn_token_to_image
        queries = queries + _attend(
            final,
            final.q_proj(queries + tokens),
            _project_at(final.k_proj, keys, image_pe),
            final.v_proj(keys),
        )
        return self.transformer.norm_final_attn(queries), keys

    def draw(
        self, keys: Tensor, mask_tokens: Tensor, grid: tuple[int, int]
    ) -> Tensor:
        """Multiply four times enlarged image tokens by mask tokens.

        Args:
            keys: Image tokens `(n, h * w, C)`.
            mask_tokens: `(n, C / 8, M)`.
            grid: `(h, w)`.

        Returns:
            Mask logits `(n, M, 4h, 4w)`.
        """
        enlarge, norm, activate, enlarge_again, activate_again = (
            self.output_upscaling
        )
        pixels = _enlarge(enlarge, keys)
        pixels = F.layer_norm(
            pixels, norm.weight.shape, norm.weight, norm.bias, norm.eps
        )
        pixels = _enlarge(enlarge_again, activate(pixels))
        masks = activate_again(pixels).flatten(1, -2) @ mask_tokens
        # (n, h, w, then twice the row and column of 2 x 2, M)
        masks = masks.unflatten(1, (*grid, 2, 2, 2, 2))
        masks = masks.permute(0, 7, 1, 3, 5, 2, 4, 6)
        return masks.reshape(*masks.shape[:2], 4 * grid[0], 4 * grid[1])


def _tokens(x: Tensor) -> Tensor:
    """`(B, C, h, w)` -> `(B, h * w, C)`."""
    return x.flatten(2).transpose(1, 2)


def _of_prompts(x: Tensor, image_ids: Tensor) -> Tensor:
    """Return the row of each prompt's image, without a copy if but one."""
    if len(x) == 1:
        return x.expand(len(image_ids), *x.shape[1:])
    return x.index_select(0, image_ids)


def _checkpointed(function):
    def run(*args):
        return checkpoint(function, *args, use_reentrant=False)

    return run


def _project_at(proj: nn.Linear, x: Tensor, position: Tensor) -> Tensor:
    """Return `proj(x + position)` without holding the sum for backward."""
    return F.linear(x, proj.weight) + proj(position)


def _project(
    block: TwoWayAttentionBlock, keys: Tensor, image_pe: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Project image tokens for both cross attentions of a block."""
    to_image = block.cross_attn_token_to_image
    to_token = block.cross_attn_image_to_token
    return (
        _project_at(to_image.k_proj, keys, image_pe),
        to_image.v_proj(keys),
        _project_at(to_token.q_proj, keys, image_pe),
    )


def _attend(attn: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with projected `(n, T, c)` tokens; returns `(n, T, C)`."""
    q, k, v = (
        x.unflatten(-1, (attn.num_heads, -1)).transpose(1, 2)
        for x in (q, k, v)
    )
    out = F.scaled_dot_product_attention(q, k, v)
    return attn.out_proj(out.transpose(1, 2).flatten(2))


def _two_way(
    block: TwoWayAttentionBlock,
    queries: Tensor,
    query_pe: Tensor,
    image_side: ImageSide,
) -> tuple[Tensor, Tensor]:
    """Run segment_anything's `TwoWayAttentionBlock` on projected images.

    Args:
        block: The block.
        queries: Prompt tokens `(n, T, C)`.
        query_pe: Their position encoding, the tokens before the first block.
        image_side: Image tokens `(n, L, C)` and their projections.

    Returns:
        New prompt tokens and image tokens.
    """
    keys, image_k, image_v, image_q = image_side
    attn = block.self_attn
    if block.skip_first_layer_pe:
        queries = _attend(
            attn,
            attn.q_proj(queries),
            attn.k_proj(queries),
            attn.v_proj(queries),
        )
    else:
        placed = queries + query_pe
        queries = queries + _attend(
            attn,
            attn.q_proj(placed),
            attn.k_proj(placed),
            attn.v_proj(queries),
        )
    queries = block.norm1(queries)

    attn = block.cross_attn_token_to_image
    q = attn.q_proj(queries + query_pe)
    queries = block.norm2(queries + _attend(attn, q, image_k, image_v))
    queries = block.norm3(queries + block.mlp(queries))

    attn = block.cross_attn_image_to_token
    k, v = attn.k_proj(queries + query_pe), attn.v_proj(queries)
    keys = block.norm4(keys + _attend(attn, image_q, k, v))
    return queries, keys


def _enlarge(conv: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """Apply a 2 x 2 transposed convolution of stride 2 to loose pixels.

    Args:
        conv: The convolution, C to D channels.
        x: Pixels `(..., C)`.

    Returns:
        `(..., 2, 2, D)`: the rows and columns each pixel becomes.
    """
    weight = conv.weight.permute(2, 3, 1, 0).flatten(0, 2)
    x = F.linear(x, weight, conv.bias.repeat(4))
    return x.unflatten(-1, (2, 2, -1))
