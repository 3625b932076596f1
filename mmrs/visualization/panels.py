"""What the pictures of all tasks that show images as panels share."""

import numpy as np
from PIL import Image

PANEL = 384  # pixels along the height of an image in the picture
ROW = 30  # pixels along the height of a line of writing
GAP = 12
PAPER, INK = (255, 255, 255), (34, 40, 49)

Color = tuple[int, int, int]


def fit_panel(image: np.ndarray, height: int = PANEL) -> Image.Image:
    """Resize to the height of a panel, or a very wide image to less.

    Args:
        image: (H, W, 3), RGB, uint8; any size.
        height: Of the panel; it is at most three times as wide.
    """
    rows, columns = image.shape[:2]
    scale = min(height / rows, 3 * height / columns)
    size = (max(1, round(scale * columns)), max(1, round(scale * rows)))
    return Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
