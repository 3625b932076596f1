"""What SAM's encoder gives an RSPrompter head, in one object."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


class SamFeatures(tuple):
    """The levels of the feature pyramid, with what SAM's decoder needs.

    It is the plain tuple of levels that every mmdet head expects, so these
    heads work on it unchanged; the prompted heads also read its attributes.

    Args:
        levels: Pyramid levels, finest first, each (B, C, h_i, w_i).
        image_embeddings: SAM's image embedding (B, C, h, w).
        image_pe: SAM's position embedding of that grid (1, C, h, w).
    """

    image_embeddings: Tensor
    image_pe: Tensor

    def __new__(
        cls,
        levels: Iterable[Tensor],
        image_embeddings: Tensor,
        image_pe: Tensor,
    ) -> SamFeatures:
        """Make the tuple of levels and attach the embeddings."""
        features = super().__new__(cls, levels)
        features.image_embeddings = image_embeddings
        features.image_pe = image_pe
        return features

    def with_levels(self, levels: Iterable[Tensor]) -> SamFeatures:
        """Return the same embeddings with other pyramid levels."""
        return SamFeatures(levels, self.image_embeddings, self.image_pe)


class SamFeatureExtractor:
    """Mixin: the `extract_feat` of the two RSPrompters.

    The detector has a ``backbone`` (`RSSamVisionEncoder`), a ``neck``
    (`RSFPN`) and a ``shared_image_embedding`` (`RSSamPositionalEmbedding`).
    """

    def extract_feat(self, batch_inputs: Tensor) -> SamFeatures:
        """Encode images (B, 3, H, W) and build the pyramid."""
        image_embeddings, hidden_states = self.backbone(batch_inputs)
        return SamFeatures(
            self.neck(image_embeddings, hidden_states),
            image_embeddings,
            self.shared_image_embedding(image_embeddings.shape[-2:]),
        )
