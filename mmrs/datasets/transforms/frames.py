"""Memory maps of frames of 512 x 512 px, as CloudSEN12 comes in."""

from pathlib import Path

import numpy as np

from mmrs.errors import BadImageError

_SIDE = 512  # px of a frame
_TYPES = dict(img=np.int16, msk=np.int8)


def read_frame(path: str | Path, frame: int, role: str = 'img') -> np.ndarray:
    """Read a frame of a memory map: (512, 512, 1).

    Args:
        path: The file.
        frame: Its number, from 0.
        role: ``'img'``, an image of int16, or ``'msk'``, a mask of int8.

    Raises:
        BadImageError: The file is missing, not of whole frames, or has no
            such frame.
    """
    frames = count_frames(path, role)
    if not 0 <= frame < frames:
        raise BadImageError(f'{path}: has {frames} frames, none is {frame}')
    stored = np.memmap(path, _TYPES[role], 'r', shape=(frames, _SIDE, _SIDE))
    return np.array(stored[frame])[..., None]


def count_frames(path: str | Path, role: str = 'img') -> int:
    """Count the frames of a memory map.

    Raises:
        BadImageError: The file is missing or not of whole frames.
    """
    if not Path(path).is_file():
        raise BadImageError(f'{path}: no such image file')
    size = Path(path).stat().st_size
    frame = _SIDE**2 * np.dtype(_TYPES[role]).itemsize
    if size % frame:
        raise BadImageError(
            f'{path}: is of {size} bytes, which is no multiple of {frame}, '
            'one frame; download it again'
        )
    return size // frame
