"""Which class is taken for which."""

from collections.abc import Sequence

import numpy as np


def draw_confusion_matrix(
    matrix: np.ndarray, classes: Sequence[str]
) -> np.ndarray:
    """Draw the share of each true class that is taken for each class.

    Every cell that is not empty has its count written in it.

    Args:
        matrix: (C, C) counts, a row for each true class.
        classes: C names.

    Returns:
        (H, W, 3), RGB, uint8.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 3 + 0.32 * len(classes)  # inches
    figure = Figure((side, side), dpi=120, layout='constrained')
    axes = figure.add_subplot()
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=90, fontsize=8)
    axes.set_yticks(places, classes, fontsize=8)
    axes.set_xlabel('predicted class')
    axes.set_ylabel('true class')
    axes.set_xticks(np.arange(len(classes)) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(classes)) - 0.5, minor=True)
    axes.grid(which='minor', color='0.92', linewidth=0.5)
    axes.tick_params(which='both', length=0)
    axes.spines[:].set_color('0.7')
    for row, column in zip(*matrix.nonzero()):
        axes.text(
            column,
            row,
            f'{matrix[row, column]}',
            ha='center',
            va='center',
            fontsize=7,
            color='white' if shares[row, column] > 0.5 else 'black',
        )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
