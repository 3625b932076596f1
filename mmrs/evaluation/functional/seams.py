"""Whether an image that was made in windows shows where they met."""

from collections.abc import Iterable

import numpy as np

# Lags beside the one in question, as shares of it, that a peak stands above.
_BESIDE = (0.85, 0.9, 0.95, 1.05, 1.1, 1.15)
_BLUR = 9  # pixels: what is smoother is the scene, not a print of windows


def seam_ratio(
    image: np.ndarray, shifted: np.ndarray, stride: int
) -> float | None:
    """Compare steps across seams with steps of the same places elsewhere.

    A place is generated twice, by windows that lie half a stride apart in
    both directions: what is a seam in one is the middle of a window in the
    other. The mean absolute difference of the pixels on both sides of a seam
    is divided by that of the same pixels where no seam is between them; 1
    where no seam can be seen. Edges of the scene count in both alike (the
    measure is ours).

    Args:
        image: (H, W, C), with seams at the multiples of `stride`.
        shifted: The same place, with seams half a stride before and behind
            those of `image`.
        stride: From a seam to the next, in both directions.

    Returns:
        The ratio; None if there is no seam, or no step in the other image.
    """
    seams, insides = [], []
    half = stride // 2
    for axis in (0, 1):
        a, b = (
            np.abs(np.diff(x.astype(np.float32), axis=axis)).swapaxes(0, axis)
            for x in (image, shifted)
        )
        seams += [a[stride - 1 :: stride], b[half - 1 :: stride]]
        insides += [b[stride - 1 :: stride], a[half - 1 :: stride]]
    inside = sum(float(steps.sum()) for steps in insides)
    if not inside:
        return None
    return sum(float(steps.sum()) for steps in seams) / inside


def autocorrelation_peak(image: np.ndarray, lag: int) -> float | None:
    """Tell how far an image repeats itself at a lag, above lags beside it.

    Noise that is the same in every window may print a lattice. Of the fine
    detail of the grey image (what a mean over 9 x 9 pixels lacks), the
    autocorrelation at the lag less the mean of those at 0.85 to 1.15 of it,
    averaged over both directions; 0 where nothing repeats, about 1 for copies
    (the measure is ours).

    Args:
        image: (H, W, C).
        lag: In pixels.

    Returns:
        The height of the peak; None if the image is flat, or no longer than
        1.15 lags in a direction.
    """
    from scipy.ndimage import uniform_filter

    grey = image.astype(np.float64).mean(2)
    detail = grey - uniform_filter(grey, _BLUR)
    beside = sorted({round(lag * share) for share in _BESIDE} - {lag})
    if min(detail.shape) <= max(beside) or not detail.any():
        return None
    peaks = [
        _autocorrelation(turned, lag)
        - np.mean([_autocorrelation(turned, other) for other in beside])
        for turned in (detail, detail.T)
    ]
    return float(np.mean(peaks))


def _autocorrelation(detail: np.ndarray, lag: int) -> float:
    a, b = detail[lag:], detail[:-lag]
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / norm) if norm else 0.0


def overlap_mae(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean absolute difference of two windows where both see a place.

    Args:
        pairs: What two neighbours show of the same place, equal shapes.

    Returns:
        In the unit of the pixels; NaN if there is no pair.
    """
    total = count = 0
    for a, b in pairs:
        total += np.abs(a.astype(np.float64) - b).sum()
        count += a.size
    return total / count if count else float('nan')
