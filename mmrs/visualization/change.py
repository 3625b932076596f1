"""Two dates side by side, and what changed, in colours and words."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .instances import hues
from .panels import GAP, INK, PANEL, PAPER, ROW, Color, fit_panel

_OPACITY = 0.45  # of the fill; outlines are opaque
_LARGEST = 1024  # pixels along the height of a panel of a large image
_IGNORED, _IGNORED_COLOR = 255, (128, 128, 128)
_TRUTH = (24, 119, 120)  # of reference sentences
_LETTERS = 15  # pixels along their height
_MOST_REFERENCES = 5

Line = tuple[str, Color]


def draw_change(
    earlier: np.ndarray,
    later: np.ndarray,
    mask: np.ndarray | None = None,
    caption: str | None = None,
    classes: Sequence[str] = (),
    palette: Sequence[Color] | None = None,
    true_mask: np.ndarray | None = None,
    references: Sequence[str] = (),
) -> np.ndarray:
    """Draw two dates, the change over the later one, and its description.

    Args:
        earlier: (H, W, 3), RGB, uint8; any size.
        later: Likewise, of the same size.
        mask: Predicted class of each pixel, (H, W); class 0 and 255 (drawn
            grey) are no change. None draws no such panel.
        caption: The predicted sentence.
        classes: Names of the classes.
        palette: One RGB colour a class. Defaults to evenly spaced hues.
        true_mask: As `mask`, for a panel of its own.
        references: True sentences; the first five are written.

    Returns:
        A picture (.., .., 3), RGB, uint8.
    """
    colors = [tuple(color) for color in palette or hues(len(classes))]
    titled = [('earlier', earlier), ('later', later)]
    if mask is not None:
        titled.append(('change', color_change(later, mask, colors)))
    if true_mask is not None:
        true = color_change(later, true_mask, colors)
        titled.append(('true change', true))
    panels = _fit_all([image for _, image in titled])
    width = sum(panel.width + GAP for panel in panels) + GAP
    font = ImageFont.load_default(size=_LETTERS)
    lines = _written(caption, references, font, width - 2 * GAP)
    height = max(panel.height for panel in panels)
    has_legend = len(titled) > 2
    rows = 1 + has_legend + len(lines)
    picture = Image.new('RGB', (width, height + GAP + ROW * rows), PAPER)
    draw = ImageDraw.Draw(picture)
    left = GAP
    for (title, _), panel in zip(titled, panels):
        place = (left, ROW // 2)
        draw.text(place, title, INK, font, anchor='lm')
        picture.paste(panel, (left, ROW + (height - panel.height) // 2))
        left += panel.width + GAP
    middle = ROW + height + ROW // 2
    if has_legend:
        _write_legend(draw, font, middle, classes, colors, mask)
        middle += ROW
    for text, color in lines:
        draw.text((GAP, middle), text, color, font, anchor='lm')
        middle += ROW
    return np.asarray(picture)


def color_change(
    image: np.ndarray, mask: np.ndarray, palette: Sequence[Color]
) -> np.ndarray:
    """Fill and outline the changed places of an image in class colours.

    Args:
        image: (H, W, 3), RGB, uint8.
        mask: Class of each pixel, (H, W); 0 stays as it is.
        palette: One RGB colour a class.

    Returns:
        (H, W, 3), RGB, uint8; `image` is not changed.
    """
    canvas = image.copy()
    thickness = max(1, round(max(image.shape[:2]) / 700))
    for label in np.unique(mask).tolist():
        if label == 0:
            continue
        color = _IGNORED_COLOR if label == _IGNORED else palette[label]
        place = mask == label
        tint = _OPACITY * np.array(color)
        canvas[place] = ((1 - _OPACITY) * canvas[place] + tint).astype(
            np.uint8
        )
        outlines, _ = cv2.findContours(
            place.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
        )
        shade = tuple(map(int, color))
        cv2.drawContours(canvas, outlines, -1, shade, thickness)
    return canvas


def _fit_all(images: Sequence[np.ndarray]) -> list[Image.Image]:
    """Enlarge small images, and shrink only very large ones."""
    height = min(max(images[0].shape[0], PANEL), _LARGEST)
    return [fit_panel(image, height) for image in images]


def _written(
    caption: str | None,
    references: Sequence[str],
    font: ImageFont.FreeTypeFont,
    width: int,
) -> list[Line]:
    """Break the sentences into lines that fit."""
    lines = []
    if caption is not None:
        # Where nothing is said, a blank line would look like a fault.
        shown = caption.strip() or '(no words)'
        lines += [(line, INK) for line in _wrap(shown, font, width)]
    for reference in references[:_MOST_REFERENCES]:
        text = f'true: {reference.strip()}'
        lines += [(line, _TRUTH) for line in _wrap(text, font, width)]
    return lines


def _wrap(
    text: str, font: ImageFont.FreeTypeFont, width: int
) -> Iterable[str]:
    line = ''
    for word in text.split():
        longer = f'{line} {word}'.strip()
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line


def _write_legend(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    middle: int,
    classes: Sequence[str],
    colors: Sequence[Color],
    mask: np.ndarray | None,
) -> None:
    """Write the classes of change, with their share of the predicted mask."""
    left = GAP
    for label, name in enumerate(classes):
        if label == 0:
            continue
        box = (left, middle - 7, left + 14, middle + 7)
        draw.rectangle(box, colors[label], outline=INK)
        text = name
        if mask is not None:
            text = f'{name} {(mask == label).mean():.1%}'
        left += 20
        draw.text((left, middle), text, INK, font, anchor='lm')
        left += round(font.getlength(text)) + 2 * GAP
