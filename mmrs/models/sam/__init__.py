"""SAM (arXiv 2304.02643) on segment_anything's modules and names."""

from .archs import SAM_ARCHS, SamArch, get_arch
from .checkpoints import LoadReport, load_sam_weights
from .converters import (
    hf_to_sam,
    mmpretrain_to_sam,
    sam_to_hf,
    sam_to_mmpretrain,
)
from .freezing import freeze
from .image_encoder import SamImageEncoder
from .mask_decoder import RSSamMaskDecoder
from .model import RSSamModel
from .position import RSSamPositionalEmbedding
from .prompt import build_box_embed, build_mask_embed, build_no_mask_embed
from .vision_encoder import RSSamVisionEncoder, add_lora

__all__ = [
    'LoadReport',
    'RSSamMaskDecoder',
    'RSSamModel',
    'RSSamPositionalEmbedding',
    'RSSamVisionEncoder',
    'SAM_ARCHS',
    'SamArch',
    'SamImageEncoder',
    'add_lora',
    'build_box_embed',
    'build_mask_embed',
    'build_no_mask_embed',
    'freeze',
    'get_arch',
    'hf_to_sam',
    'load_sam_weights',
    'mmpretrain_to_sam',
    'sam_to_hf',
    'sam_to_mmpretrain',
]
