"""Instance masks over the image they were found in."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_OPACITY = 0.35  # of the masks' fill

Color = tuple[int, int, int]
Box = tuple[int, int, int, int]


def draw_instances(
    image: np.ndarray,
    masks: np.ndarray,
    labels: Sequence[int],
    scores: Sequence[float],
    classes: Sequence[str],
    palette: Sequence[Color] | None = None,
) -> np.ndarray:
    """Fill and outline each instance in its class colour, and name it.

    Lines and letters grow with the image. Names hide no other instance: in
    a crowd only the score is written, or nothing where even that would
    cover other writing.

    Args:
        image: (H, W, 3), RGB, uint8.
        masks: (N, H, W), bool.
        labels: N indices into `classes`.
        scores: N values from 0 to 1.
        classes: Names.
        palette: One RGB colour a class. Defaults to evenly spaced hues.

    Returns:
        (H, W, 3), RGB, uint8; `image` is not changed.
    """
    colors = [tuple(c) for c in palette or hues(len(classes))]
    masks = np.asarray(masks, dtype=bool)
    canvas = _fill_and_outline(image, masks, [colors[i] for i in labels])
    picture = Image.fromarray(canvas)
    shown = [i for i in np.argsort(scores)[::-1] if masks[i].any()]
    boxes = {i: _bounding_box(masks[i]) for i in shown}
    writer = _TagWriter(picture)
    for i in shown:
        others = [box for j, box in boxes.items() if j != i]
        name, score = classes[labels[i]], f'{scores[i]:.2f}'
        color = colors[labels[i]]
        if not writer.write(f'{name} {score}', boxes[i], color, others):
            writer.write(score, boxes[i], color, [])
    return np.asarray(picture)


def hues(count: int) -> list[Color]:
    """Make `count` RGB colours that differ as much as hues can."""
    if count == 0:
        return []
    steps = np.arange(count) * 180 // count
    hsv = np.stack([steps, np.full(count, 210), np.full(count, 240)], axis=1)
    rgb = cv2.cvtColor(hsv[None].astype(np.uint8), cv2.COLOR_HSV2RGB)
    return [tuple(color) for color in rgb[0].tolist()]


def _fill_and_outline(
    image: np.ndarray, masks: np.ndarray, colors: Sequence[Color]
) -> np.ndarray:
    canvas = image.copy()
    thickness = max(1, round(max(image.shape[:2]) / 700))
    # Large ones first, so that what lies on them stays visible.
    for i in np.argsort(masks.sum(axis=(1, 2)))[::-1]:
        mask = masks[i]
        tint = _OPACITY * np.array(colors[i])
        canvas[mask] = ((1 - _OPACITY) * canvas[mask] + tint).astype(np.uint8)
        outlines, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(
            canvas, outlines, -1, colors[i], thickness, cv2.LINE_AA
        )
    return canvas


def _bounding_box(mask: np.ndarray) -> Box:
    rows, cols = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    return cols[0], rows[0], cols[-1] + 1, rows[-1] + 1


class _TagWriter:
    """Writes names beside boxes, on plates of their class colour."""

    def __init__(self, picture: Image.Image) -> None:
        self.size = picture.size
        self.draw = ImageDraw.Draw(picture)
        self.font = ImageFont.load_default(
            size=max(10, round(max(self.size) / 75))
        )
        self.taken: list[Box] = []

    def write(
        self, text: str, box: Box, color: Color, others: Sequence[Box]
    ) -> bool:
        """Write above or below the box, or in a large one, if that is free.

        Args:
            text: What to write.
            box: The instance (x1, y1, x2, y2).
            color: Of the plate.
            others: Boxes that shall not be covered.
        """
        left, top, right, bottom = self.draw.textbbox((0, 0), text, self.font)
        width, height = right - left + 4, bottom - top + 4
        x1, y1, x2, y2 = box
        rows = [y1 - height, y2]
        if x2 - x1 > width and y2 - y1 > 3 * height:
            rows.append(y1)
        for y in rows:
            plate = self._inside(x1, y, width, height)
            if not any(_overlap(plate, b) for b in (*self.taken, *others)):
                break
        else:
            return False
        self.taken.append(plate)
        self.draw.rectangle(plate, fill=color)
        self.draw.text(
            (plate[0] + 2 - left, plate[1] + 2 - top),
            text,
            fill=_readable_on(color),
            font=self.font,
        )
        return True

    def _inside(self, x: int, y: int, width: int, height: int) -> Box:
        x = max(0, min(x, self.size[0] - width))
        y = max(0, min(y, self.size[1] - height))
        return x, y, x + width, y + height


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _readable_on(color: Color) -> Color:
    """Black or white, whichever stands out."""
    luminance = np.dot((0.299, 0.587, 0.114), color)
    return (0, 0, 0) if luminance > 140 else (255, 255, 255)
