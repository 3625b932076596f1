"""A whole SAM: prompted by boxes, or drawing every mask it sees."""

import torch
from mmengine.model import BaseModule
from segment_anything.modeling import Sam
from torch import Tensor

from mmrs.models.sam.archs import SamArch, get_arch
from mmrs.models.sam.checkpoints import load_sam_weights
from mmrs.models.sam.image_encoder import SamImageEncoder
from mmrs.models.sam.mask_decoder import RSSamMaskDecoder
from mmrs.models.sam.prompt import build_prompt_encoder
from mmrs.registry import MODELS


@MODELS.register_module()
class RSSamModel(BaseModule):
    """SAM with the official parameter names.

    Args:
        sam_arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        sam_checkpoint: Weights of a SAM, see
            :func:`mmrs.models.sam.load_sam_weights`.
        img_size: Side of the square input in pixels.
        attn_impl: See :class:`SamImageEncoder`.
        init_cfg: As of `mmengine.BaseModule`.
    """

    def __init__(
        self,
        sam_arch: str | dict | SamArch,
        sam_checkpoint: str | None = None,
        img_size: int = 1024,
        attn_impl: str = 'flash',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        arch = get_arch(sam_arch)
        self.img_size = img_size
        self.image_encoder = SamImageEncoder(arch, img_size, attn_impl)
        self.prompt_encoder = build_prompt_encoder(arch, img_size)
        self.mask_decoder = RSSamMaskDecoder(arch)
        if sam_checkpoint:
            load_sam_weights(self, sam_checkpoint)

    @torch.no_grad()
    def predict_boxes(
        self, images: Tensor, boxes: list[Tensor]
    ) -> list[Tensor]:
        """Draw the mask inside each box.

        Args:
            images: Normalised images `(B, 3, img_size, img_size)`.
            boxes: Of each image `(n_i, 4)`: x1, y1, x2, y2 in its pixels.

        Returns:
            Of each image mask logits `(n_i, 4h, 4w)`, where `(h, w)` is the
            size of the image embedding.
        """
        counts = [len(box) for box in boxes]
        sparse, dense = self.prompt_encoder(None, torch.cat(boxes), None)
        ids = torch.arange(len(boxes), device=images.device)
        masks, _ = self.mask_decoder(
            self.image_encoder.encode(images),
            self.prompt_encoder.get_dense_pe(),
            sparse,
            dense[:1],
            ids.repeat_interleave(torch.tensor(counts, device=ids.device)),
        )
        return list(masks[:, 0].split(counts))

    def generate(self, image, **kwargs) -> list[dict]:
        """Draw every mask of one image from a grid of points.

        Args:
            image: RGB uint8 array `(H, W, 3)` of any size.
            **kwargs: As of segment_anything's `SamAutomaticMaskGenerator`,
                ``points_per_side`` first of all.

        Returns:
            A dict a mask with ``segmentation`` (H, W) bool, ``bbox`` (x, y,
            w, h), ``predicted_iou``, ...; see segment_anything.
        """
        from segment_anything import SamAutomaticMaskGenerator

        return SamAutomaticMaskGenerator(_Official(self), **kwargs).generate(
            image
        )


class _Official(Sam):
    """What segment_anything's generator asks of a SAM, from ours."""

    def __init__(self, model: RSSamModel) -> None:
        super().__init__(
            _EmbeddingOnly(model.image_encoder),
            model.prompt_encoder,
            _OneImage(model.mask_decoder),
        )
        self.to(model.prompt_encoder.no_mask_embed.weight.device).eval()


class _EmbeddingOnly(torch.nn.Module):
    def __init__(self, encoder: SamImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.img_size = encoder.img_size

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder.encode(x)


class _OneImage(torch.nn.Module):
    """The official decoder's signature: all prompts are of one image."""

    def __init__(self, decoder: RSSamMaskDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
    ) -> tuple[Tensor, Tensor]:
        ids = torch.zeros(
            len(sparse_prompt_embeddings),
            dtype=torch.long,
            device=image_pe.device,
        )
        return self.decoder(
            image_embeddings,
            image_pe,
            sparse_prompt_embeddings,
            dense_prompt_embeddings,
            ids,
            multimask_output,
        )
