"""SAM-seg: ordinary instance heads on SAM's encoder.

The baselines that show what the prompts add: the same encoder and neck as
RSPrompter, without SAM's decoder.
"""

from mmdet.models import Mask2Former, MaskRCNN
from torch import Tensor

from mmrs.registry import MODELS


class _PyramidExtractor:
    """Mixin: the `extract_feat` of both baselines."""

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Encode images (B, 3, H, W) and build the pyramid."""
        return self.neck(*self.backbone(batch_inputs))


@MODELS.register_module()
class SAMSegMaskRCNN(_PyramidExtractor, MaskRCNN):
    """Mask R-CNN on SAM's encoder; arguments as of `mmdet.MaskRCNN`."""


@MODELS.register_module()
class SAMSegMask2Former(_PyramidExtractor, Mask2Former):
    """Mask2Former on SAM's encoder; arguments as of `mmdet.Mask2Former`."""
