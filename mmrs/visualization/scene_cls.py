"""Class probabilities beneath an image, and what they rest on."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .panels import GAP, INK, PANEL, PAPER, ROW, Color, fit_panel

_OPACITY = 0.7  # of the heat map where it is hottest
_BEST, _OTHER, _TRACK = (24, 119, 120), (150, 184, 186), (237, 240, 242)
_WRONG = (192, 41, 43)


def draw_scene(
    image: np.ndarray,
    classes: Sequence[str],
    scores: Sequence[float],
    activation: np.ndarray | None = None,
    seen: np.ndarray | None = None,
    truth: str | None = None,
) -> np.ndarray:
    """Draw an image above bars of its most probable classes.

    With an activation map the part of the image that the model saw stands
    beside it, coloured where it speaks for the first class.

    Args:
        image: (H, W, 3), RGB, uint8; any size.
        classes: Names, the most probable first.
        scores: Their probabilities, 0 to 1.
        activation: (h, w), the contribution of each place of `seen` to the
            first class; contributions below zero are not coloured.
        seen: (H', W', 3), RGB, uint8. Defaults to `image`.
        truth: The true class, written above the bars: in red where the first
            of them is another one.

    Returns:
        A picture (.., .., 3), RGB, uint8.
    """
    panels = [fit_panel(image)]
    if activation is not None:
        panels.append(
            _heat(fit_panel(image if seen is None else seen), activation)
        )
    width = max(sum(panel.width + GAP for panel in panels), PANEL) + GAP
    height = max(panel.height for panel in panels)
    top = height + 2 * GAP
    rows = len(classes) + (truth is not None)
    size = (width, top + ROW * rows + GAP)
    picture = Image.new('RGB', size, PAPER)
    left = GAP
    for panel in panels:
        picture.paste(panel, (left, GAP + (height - panel.height) // 2))
        left += panel.width + GAP
    draw = ImageDraw.Draw(picture)
    if truth is not None:
        is_wrong = bool(classes) and classes[0] != truth
        _write_truth(draw, truth, _WRONG if is_wrong else _BEST, top)
        top += ROW
    if classes:
        _write_bars(draw, classes, scores, width, top)
    return np.asarray(picture)


def _heat(panel: Image.Image, activation: np.ndarray) -> Image.Image:
    heat = np.maximum(activation, 0).astype(np.float32)
    heat /= max(heat.max(), np.finfo(np.float32).tiny)
    heat = cv2.resize(heat, panel.size, interpolation=cv2.INTER_CUBIC)
    heat = np.clip(heat, 0, 1)
    levels = (255 * heat).astype(np.uint8)
    colors = cv2.applyColorMap(levels, cv2.COLORMAP_TURBO)[..., ::-1]
    opacity = _OPACITY * heat[..., None]
    blend = (1 - opacity) * np.asarray(panel) + opacity * colors
    return Image.fromarray(blend.round().astype(np.uint8))


def _write_truth(
    draw: ImageDraw.ImageDraw, truth: str, color: Color, top: int
) -> None:
    font = ImageFont.load_default(size=15)
    place = (GAP, top + ROW // 2)
    draw.text(place, f'true class: {truth}', color, font, anchor='lm')


def _write_bars(
    draw: ImageDraw.ImageDraw,
    classes: Sequence[str],
    scores: Sequence[float],
    width: int,
    top: int,
) -> None:
    """Write a line a class: name, bar and percentage."""
    font = ImageFont.load_default(size=15)

    def length(text: str) -> int:
        return round(draw.textlength(text, font))

    names = [_shorten(name, length, width // 2) for name in classes]
    left = 2 * GAP + max(map(length, names))
    right = width - 2 * GAP - length('100.0%')
    for row, (name, score) in enumerate(zip(names, scores)):
        middle = top + row * ROW + ROW // 2
        end = left + round(score * (right - left))
        draw.text((GAP, middle), name, INK, font, anchor='lm')
        draw.rectangle((left, middle - 7, right, middle + 7), _TRACK)
        if end > left:
            color = _OTHER if row else _BEST
            draw.rectangle((left, middle - 7, end, middle + 7), color)
        percent = f'{score:.1%}'
        draw.text((width - GAP, middle), percent, INK, font, anchor='rm')


def _shorten(text: str, length: Callable[[str], int], limit: int) -> str:
    """Cut a text that is longer than `limit` pixels."""
    if length(text) <= limit:
        return text
    while length(f'{text}...') > limit:
        text = text[:-1]
    return f'{text}...'
