"""From mask maps of the network to masks of the original image."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Masks enlarged at once: bounds the memory whatever the number of objects.
CHUNK = 16


def resized_shape(img_meta: dict) -> tuple[int, int]:
    """Height and width of the image inside the padded network input."""
    height, width = img_meta['ori_shape'][:2]
    scale_w, scale_h = img_meta['scale_factor']
    return round(height * scale_h), round(width * scale_w)


def binary_masks(
    maps: Tensor, img_meta: dict, threshold: float, rescale: bool = True
) -> Tensor:
    """Enlarge mask maps to the image and threshold them.

    The maps are resized to the padded input, cropped to the image and, with
    `rescale`, resized to the original size, all bilinearly.

    Args:
        maps: Scores or logits (N, h, w) over the padded input.
        img_meta: With ``batch_input_shape``, ``ori_shape``, ``scale_factor``.
        threshold: A pixel is in the mask from this value on.
        rescale: Return masks of the original image, else of the input.

    Returns:
        Boolean (N, H, W).
    """
    height, width = resized_shape(img_meta)
    size = img_meta['ori_shape'][:2] if rescale else (height, width)
    masks = maps.new_empty((len(maps), *size), dtype=torch.bool)
    for start in range(0, len(maps), CHUNK):
        chunk = F.interpolate(
            maps[None, start : start + CHUNK].float(),
            size=img_meta['batch_input_shape'],
            mode='bilinear',
            align_corners=False,
        )[..., :height, :width]
        if rescale:
            chunk = F.interpolate(
                chunk, size=size, mode='bilinear', align_corners=False
            )
        masks[start : start + CHUNK] = chunk[0] >= threshold
    return masks
