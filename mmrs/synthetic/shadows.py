"""Shadows that heights cast, of the sun or of a radar."""

import math

import cv2
import numpy as np

HIGHEST = 18.0  # nothing in the world stands higher above its ground, metres


def reach(elevation: float, gsd: float) -> int:
    """Length of the longest shadow in pixels, and a few to spare.

    Args:
        elevation: height of the source above the horizon, radians.
        gsd: pixel size in metres.
    """
    return math.ceil(HIGHEST / math.tan(elevation) / gsd) + 4


def cast_shadows(
    surface: np.ndarray, gsd: float, azimuth: float, elevation: float
) -> np.ndarray:
    """How far each pixel lies in the shadow of higher ones.

    Args:
        surface: heights above the ground in metres, float32 (H, W).
        gsd: pixel size in metres.
        azimuth: direction to the source, radians from east towards south.
        elevation: its height above the horizon, radians.

    Returns:
        0 in the light to 1 in the shadow, float32 (H, W).
    """
    drop = gsd * math.tan(elevation)
    steps = math.ceil(HIGHEST / drop)
    h, w = surface.shape
    padded = np.pad(surface, steps + 1)
    ray = np.zeros_like(surface)
    for step in range(1, steps + 1):
        x = steps + 1 + round(step * math.cos(azimuth))
        y = steps + 1 + round(step * math.sin(azimuth))
        np.maximum(ray, padded[y : y + h, x : x + w] - step * drop, out=ray)
    shadow = np.clip((ray - surface) / 0.8, 0, 1)
    return cv2.GaussianBlur(shadow, (0, 0), 0.6)
