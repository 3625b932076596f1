"""Pairs of pictures with captions and masks in the layout of LEVIR-MCI."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mmrs.synthetic.layouts.levir_cc import write_pairs


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write what :mod:`levir_cc` does, and ``images/SPLIT/label/*.png``.

    The labels have three equal bands: 0 where nothing changed, 128 for
    roads and 255 for buildings that appeared or disappeared.

    Yields:
        the path of every file written.

    Raises:
        InputError: changes cannot be shown in images like these.
    """
    return write_pairs(
        out, seed, numbers, size, gsd, val_fraction, with_labels=True
    )
