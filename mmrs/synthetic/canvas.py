"""Drawing in world metres on an image."""

import math

import cv2
import numpy as np

from mmrs.synthetic.window import Window

_SHIFT = 4  # fractional bits of the coordinates given to OpenCV


class Canvas:
    """An RGB image of a window to draw on, in world metres.

    Args:
        image: uint8 (H, W, 3), changed in place.
        window: what it shows.
        sunward: direction to the sun in the plane, radians.
        year: of the crops on the fields.
    """

    def __init__(
        self,
        image: np.ndarray,
        window: Window,
        sunward: float,
        year: int = 0,
    ):
        self.image, self.window, self.sunward = image, window, sunward
        self.year = year

    def _points(self, points: np.ndarray) -> np.ndarray:
        scaled = self.window.to_pixels(points) * 2**_SHIFT
        return np.round(scaled).astype(np.int32)

    def fill(self, points: np.ndarray, colour) -> None:
        """Fill a polygon (N, 2)."""
        cv2.fillPoly(
            self.image, [self._points(points)], _tuple(colour),
            cv2.LINE_AA, _SHIFT,
        )  # fmt: skip

    def line(self, points, colour, width: float, closed=False) -> None:
        """Draw a line through points (N, 2), ``width`` metres wide.

        A line thinner than a pixel is drawn one pixel wide and paler.
        """
        pixels = width / self.window.gsd
        strength = min(pixels, 1.0)
        points = self._points(points)
        low = (points.min(0) >> _SHIFT) - 1
        view = self._view(*low, *((np.ptp(points, axis=0) >> _SHIFT) + 4))
        if view is None or strength < 0.2:
            return
        before = view.copy() if strength < 1 else None
        cv2.polylines(
            self.image,
            [points],
            closed,
            _tuple(colour),
            max(1, round(pixels)),
            cv2.LINE_AA,
            _SHIFT,
        )
        if before is not None:
            cv2.addWeighted(view, strength, before, 1 - strength, 0, dst=view)

    def blend(self, points: np.ndarray, colour, alpha: float) -> None:
        """Fill a polygon (N, 2) with a see-through colour."""
        self.pattern(points, lambda x, y: alpha, colour)

    def pattern(self, points: np.ndarray, alpha, colour) -> None:
        """Fill a polygon with a colour of changing strength.

        Args:
            points: the outline, (N, 2).
            alpha: function of world x and y, (H, W) each, that gives the
                strength, 0 to 1.
            colour: RGB.
        """
        pixels = self.window.to_pixels(points)
        low = np.floor(pixels.min(0)).astype(int) - 1
        size = np.ceil(pixels.max(0)).astype(int) + 2 - low
        view = self._view(*low, *size)
        if view is None:
            return
        x0, y0 = np.maximum(low, 0)
        mask = np.zeros(view.shape[:2], np.uint8)
        shifted = np.round((pixels - (x0, y0)) * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(mask, [shifted], 255, cv2.LINE_AA, _SHIFT)
        h, w = mask.shape
        gsd, window = self.window.gsd, self.window
        x, y = np.meshgrid(
            (np.arange(x0, x0 + w) + window.col + 0.5) * gsd,
            (np.arange(y0, y0 + h) + window.row + 0.5) * gsd,
        )
        weight = (mask / np.float32(255) * alpha(x, y))[..., None]
        mixed = view + weight.astype(np.float32) * (
            np.asarray(colour, np.float32) - view
        )
        view[:] = np.round(mixed)

    def _view(self, x: int, y: int, width: int, height: int):
        """The part of a rectangle that lies on the image, or None."""
        h, w = self.image.shape[:2]
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, w), min(y + height, h)
        if left >= right or top >= bottom:
            return None
        return self.image[top:bottom, left:right]


def stripes(angle: float, period: float, strength: float):
    """A pattern of soft stripes at right angles to a direction."""
    kx, ky = (2 * math.pi / period * f(angle) for f in (math.cos, math.sin))

    def alpha(x, y):
        wave = np.sin((kx * x + ky * y).astype(np.float32))
        return strength * (0.5 + 0.5 * wave)

    return alpha


def _tuple(colour) -> tuple[int, ...]:
    return tuple(int(min(max(c, 0), 255)) for c in colour)
