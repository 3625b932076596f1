"""Pictures of class maps beside the image they are of."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .model_inputs import to_rgb
from .panels import GAP, INK, PANEL, PAPER, ROW, Color

IGNORED = (255, 0, 255)  # pixels without a label


def bands_to_rgb(image: np.ndarray, bands: Sequence[str]) -> np.ndarray:
    """Show an image of named bands in true colour.

    All bands are stretched alike, from the darkest to the brightest percent,
    so that colours stay; the root shows dark ground beside bright clouds.

    Args:
        image: (H, W, C), in any unit.
        bands: Names of the C bands. Without red, green and blue among them,
            the first three are shown, or the first in grey.

    Returns:
        RGB, uint8 (H, W, 3).
    """
    names = [str(band).lower() for band in bands]
    colours = ('red', 'green', 'blue')
    if all(colour in names for colour in colours):
        image = image[..., [names.index(colour) for colour in colours]]
    else:
        image = image[..., : 3 if image.shape[2] > 2 else 1]
    low, high = np.percentile(image, (1, 99))
    shown = np.clip((image - low) / max(high - low, 1e-9), 0, 1)
    return to_rgb(255 * np.sqrt(shown))


def color_classes(
    classes: np.ndarray, palette: Sequence[Color], ignore_index: int = 255
) -> np.ndarray:
    """Colour a class map (H, W); returns RGB, uint8 (H, W, 3)."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    table[ignore_index] = IGNORED
    return table[classes]


def outline_mask(
    image: np.ndarray, mask: np.ndarray, color: Color
) -> np.ndarray:
    """Draw the outline of a mask (H, W) on RGB, uint8 (H, W, 3)."""
    rim = mask & (cv2.erode(mask.astype(np.uint8), np.ones((3, 3))) == 0)
    image = image.copy()
    image[rim] = color
    return image


def draw_row(
    panels: dict[str, np.ndarray], height: int = PANEL
) -> Image.Image:
    """Put pictures of one size side by side, each under its title.

    Args:
        panels: RGB, uint8 (H, W, 3), by title.
        height: Of each picture, in pixels.
    """
    shape = next(iter(panels.values())).shape
    width = max(1, round(height * shape[1] / shape[0]))
    font = ImageFont.load_default(size=16)
    row = Image.new(
        'RGB', (len(panels) * (width + GAP) - GAP, height + ROW), PAPER
    )
    draw = ImageDraw.Draw(row)
    for n, (title, panel) in enumerate(panels.items()):
        # Pixels stay sharp: a class map has no colours between the classes.
        method = Image.Resampling.NEAREST
        picture = Image.fromarray(panel).resize((width, height), method)
        left = n * (width + GAP)
        draw.text((left, 6), title, INK, font)
        row.paste(picture, (left, ROW))
    return row
