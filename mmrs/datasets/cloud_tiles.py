"""Cloud data sets of large scenes, which are cut into tiles."""

from collections.abc import Sequence

import numpy as np

from mmrs.geo.images import image_size
from mmrs.geo.tiles import Window, tile_windows

from .cloud_base import CloudDataset
from .transforms.bands import IGNORED, read_mask


class TiledCloudDataset(CloudDataset):
    """Scenes, of which each tile is a sample.

    Only the window of a tile is read from a GeoTIFF. Its ``sample_id`` is
    that of the scene, with row and column of its first pixel. Tiles whose
    labels are all ignored, as the margins of a scene, are left out; for that,
    the masks are read once at the start. Where tiles overlap, as the last of a
    row does, in a test only one of them has labels: no pixel counts twice.

    Args:
        *args: As of :class:`~mmrs.datasets.CloudDataset`.
        tile: Side of a tile in px. 0: scenes are samples as they are. None:
            that of the class.
        stride: From one tile to the next in px. None: as `tile`.
        **kwargs: As of :class:`~mmrs.datasets.CloudDataset`.
    """

    TILE = 512

    def __init__(
        self,
        *args,
        tile: int | None = None,
        stride: int | None = None,
        **kwargs,
    ) -> None:
        self.tile = self.TILE if tile is None else tile
        self.stride = stride or self.tile
        super().__init__(*args, **kwargs)

    def cut(self, scenes: Sequence[dict]) -> list[dict]:
        """Make a sample of each tile of scenes."""
        if not self.tile:
            return list(scenes)
        return [tile for scene in scenes for tile in self._cut(scene)]

    def _cut(self, scene: dict) -> list[dict]:
        path = scene['img_path']
        size = image_size(path if isinstance(path, str) else path[0])
        windows = tile_windows(size, self.tile, self.stride)
        starts = _uncounted(windows)
        if scene['seg_map_path'] is not None:
            values = read_mask(scene | self._common)
            ignored = [v for v, c in self.label_map.items() if c == IGNORED]
            windows = [
                window
                for window in windows
                if _has_others(values, window, ignored)
            ]
        return [
            scene
            | dict(
                sample_id=f'{scene["sample_id"]}_{window[0]}_{window[1]}',
                window=window,
                counted_from=starts[window] if self.test_mode else (0, 0),
            )
            for window in windows
        ]


def _uncounted(windows: Sequence[Window]) -> dict[Window, tuple[int, int]]:
    """How many first rows and columns of each window earlier ones have."""
    known = []
    for axis in (0, 1):
        first = sorted({window[axis] for window in windows})
        length = windows[0][2 + axis]
        ends = [0, *(start + length for start in first)]
        known.append({s: max(end - s, 0) for s, end in zip(first, ends)})
    return {
        window: (known[0][window.row], known[1][window.col])
        for window in windows
    }


def _has_others(
    values: np.ndarray, window: Window, ignored: Sequence[int]
) -> bool:
    """Whether a window of a mask (H, W) has values that are not ignored."""
    row, column, height, width = window
    part = values[row : row + height, column : column + width]
    return not np.isin(part, ignored).all()
