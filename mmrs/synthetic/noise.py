"""Noise that is a pure function of a key and of the place.

Everything random in the synthetic Earth comes from hashes of integers (a
counter-based generator), never from a stream of draws: what a place looks
like depends neither on what was drawn before it nor on the window it is
seen through.
"""

import numpy as np


def hash32(*keys: int | np.ndarray) -> np.ndarray:
    """Hash integers, element by element.

    Args:
        *keys: integers or integer arrays that broadcast together; taken
            modulo 2**32.

    Returns:
        uint32 array of the broadcast shape (0-d for plain integers).
    """
    state = np.zeros((), np.uint32)
    for key in keys:
        word = np.asarray(key, np.int64).astype(np.uint32)
        # Each key is folded in and mixed by the finaliser 'lowbias32'.
        state = (state ^ word) + np.asarray(0x9E3779B9, np.uint32)
        state = (state ^ (state >> 16)) * np.asarray(0x21F0AAAD, np.uint32)
        state = (state ^ (state >> 15)) * np.asarray(0x735A2D97, np.uint32)
        state = state ^ (state >> 15)
    return state


def uniform(*keys: int | np.ndarray) -> np.ndarray:
    """Return float64 in [0, 1), a pure function of the integer keys."""
    return hash32(*keys) / 2.0**32


def bell(*keys: int | np.ndarray) -> np.ndarray:
    """Return about normal variables, a pure function of the keys."""
    word = hash32(*keys)
    # The sum of a word's four octets has mean 510 and deviation 147.8.
    total = sum(
        ((word >> shift) & 255).astype(int) for shift in (0, 8, 16, 24)
    )
    return (total - 510) / 147.8


def generator(*keys: int) -> np.random.Generator:
    """Return a counter-based generator of its own for these keys."""
    words = [int(hash32(*keys, salt)) for salt in (1, 2)]
    return np.random.Generator(np.random.Philox(key=words))


def _lattice(key: int, cols: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of the noise lattice; the scale gives noise of std about 0.5."""
    return 3.6 * uniform(key, cols, rows) - 1.8


def _spline(t: np.ndarray, spacing: float):
    """Cubic B-spline weights of positions on a lattice.

    Returns:
        first lattice index (N,), weights (N, 4), their derivatives (N, 4).
    """
    t = t / spacing
    cell = np.floor(t)
    f = (t - cell)[..., None]
    weights = np.concatenate(
        [
            (1 - f) ** 3,
            3 * f**3 - 6 * f**2 + 4,
            -3 * f**3 + 3 * f**2 + 3 * f + 1,
            f**3,
        ],
        axis=-1,
    )
    slopes = np.concatenate(
        [
            -((1 - f) ** 2),
            3 * f**2 - 4 * f,
            -3 * f**2 + 2 * f + 1,
            f**2,
        ],
        axis=-1,
    )
    return cell.astype(np.int64) - 1, weights / 6, slopes / (2 * spacing)


class Grid:
    """The points of a raster, as a place to sample noise at.

    Args:
        xs: columns' world x in metres, (W,).
        ys: rows' world y in metres, (H,).
    """

    def __init__(self, xs: np.ndarray, ys: np.ndarray):
        self.xs, self.ys = xs, ys

    def noise(self, key: int, spacing: float):
        """Smooth noise of std about 0.5 and its gradient.

        Args:
            key: what tells this noise from others.
            spacing: lattice spacing in metres.

        Returns:
            value, d/dx, d/dy; float32 (H, W) each.
        """
        lattice, (wx, dx), (wy, dy) = self._lattice(key, spacing)
        rows, slopes = wy @ lattice, dy @ lattice
        return tuple(
            np.asarray(out, np.float32)
            for out in (rows @ wx.T, rows @ dx.T, slopes @ wx.T)
        )

    def value(self, key: int, spacing: float) -> np.ndarray:
        """The noise without its gradient, in single precision and faster."""
        lattice, (wx, _), (wy, _) = self._lattice(key, spacing)
        wx, wy = wx.astype(np.float32), wy.astype(np.float32)
        return (wy @ lattice.astype(np.float32)) @ wx.T

    def _lattice(self, key: int, spacing: float):
        """The lattice about the grid, and the weights of its columns, rows."""
        first_x, *x = self._matrix(self.xs, spacing)
        first_y, *y = self._matrix(self.ys, spacing)
        cols = first_x + np.arange(x[0].shape[1])[None, :]
        rows = first_y + np.arange(y[0].shape[1])[:, None]
        return _lattice(key, cols, rows), x, y

    @staticmethod
    def _matrix(t: np.ndarray, spacing: float):
        """The spline weights of `_spline` as dense matrices (N, K)."""
        index, weights, slopes = _spline(t, spacing)
        first = int(index.min())
        shape = (len(t), int(index.max()) - first + 4)
        at = (np.arange(len(t))[:, None], (index - first)[:, None] + range(4))
        dense_weights, dense_slopes = np.zeros(shape), np.zeros(shape)
        dense_weights[at], dense_slopes[at] = weights, slopes
        return first, dense_weights, dense_slopes


class Points:
    """Scattered points, as a place to sample noise at.

    Args:
        x: world x in metres, any shape.
        y: world y in metres, the same shape.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self.x, self.y = np.asarray(x, float), np.asarray(y, float)

    def noise(self, key: int, spacing: float):
        """As :meth:`Grid.noise`; the outputs have the points' shape."""
        ix, wx, dx = _spline(self.x, spacing)
        iy, wy, dy = _spline(self.y, spacing)
        lattice = _lattice(
            key,
            ix[..., None, None] + np.arange(4)[None, :],
            iy[..., None, None] + np.arange(4)[:, None],
        )
        rows = np.einsum('...j,...ij->...i', wx, lattice)
        slopes = np.einsum('...j,...ij->...i', dx, lattice)
        return (
            np.sum(rows * wy, -1),
            np.sum(slopes * wy, -1),
            np.sum(rows * dy, -1),
        )
