"""What a pipeline hands to a model, as pictures."""

from pathlib import Path

import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor

Pixels = np.ndarray | tuple[np.ndarray, np.ndarray]


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Show an image of any number of bands by its first three.

    Args:
        image: (H, W, bands), values 0 to 255 of any type. Fewer than three
            bands become a grey picture of the first.

    Returns:
        (H, W, 3), uint8.
    """
    shown = image[..., [0, 1, 2] if image.shape[2] > 2 else [0, 0, 0]]
    return np.ascontiguousarray(np.clip(shown, 0, 255), dtype=np.uint8)


def inputs_to_rgb(inputs: Tensor | dict[str, Tensor]) -> Pixels:
    """Show the packed input of one sample.

    Args:
        inputs: An image (3, H, W), BGR; or ``img_a`` and ``img_b`` (bands,
            H, W), red, green and blue first. Values 0 to 255.

    Returns:
        (H, W, 3), RGB, uint8; of two dates a tuple of two.
    """
    if isinstance(inputs, dict):
        dates = (inputs['img_a'], inputs['img_b'])
        return tuple(to_rgb(_to_array(date)) for date in dates)
    return to_rgb(_to_array(inputs)[..., ::-1])


def first_path(sample: BaseDataElement) -> Path:
    """Path of the image, or of the earlier one of a pair."""
    path = sample.img_path
    return Path(path if isinstance(path, str) else path[0])


def _to_array(image: Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).cpu().numpy()
