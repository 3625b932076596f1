"""Position encoding of SAM's image embedding and prompts."""

import torch
from segment_anything.modeling.prompt_encoder import PositionEmbeddingRandom
from torch import Tensor

from mmrs.models.sam.archs import SamArch, get_arch
from mmrs.models.sam.checkpoints import load_sam_weights
from mmrs.registry import MODELS


@MODELS.register_module()
class RSSamPositionalEmbedding(PositionEmbeddingRandom):
    """SAM's random Fourier features of the positions of a grid.

    Its frequencies are a buffer, never trained. They belong to a set of
    weights: prompts mean nothing to a decoder trained with others.

    Args:
        sam_arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        sam_checkpoint: Weights of a SAM, see
            :func:`mmrs.models.sam.load_sam_weights`.
    """

    def __init__(
        self,
        sam_arch: str | dict | SamArch,
        sam_checkpoint: str | None = None,
    ) -> None:
        arch = get_arch(sam_arch)
        super().__init__(arch.out_chans // 2, arch.pe_scale)
        if sam_checkpoint:
            load_sam_weights(self, sam_checkpoint, 'prompt_encoder.pe_layer.')

    def forward(self, size: tuple[int, int]) -> Tensor:
        """Encode the cell centres of an `(h, w)` grid.

        Returns:
            Encoding `(1, C, h, w)`, in the dtype of the frequencies also
            under autocast (sines of rounded angles would be noise).
        """
        frequencies = self.positional_encoding_gaussian_matrix
        with torch.autocast(frequencies.device.type, enabled=False):
            return super().forward(size)[None]
