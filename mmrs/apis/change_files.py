"""The files that describe what changed between two dates."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmrs.geo.georeference import Georeference, GroundSize
from mmrs.geo.polygons import masks_to_geojson
from mmrs.geo.writer import RasterTarget, write_raster
from mmrs.visualization import draw_change
from mmrs.visualization.instances import Color, hues

from .base_inferencer import Sample


class ChangeFiles:
    """Writes the results of pairs into folders, one for each kind of file.

    Args:
        out_dir: Where the folders are.
        classes: Names of the mask's classes.
        palette: One RGB colour a class; None: evenly spaced hues.
        min_area: Pixels of the smallest object that is outlined.
        wgs84: Outline in longitude and latitude.
        draw: Write overlays.
        polygons: Write outlines.
    """

    def __init__(
        self,
        out_dir: Path,
        classes: Sequence[str],
        palette: Sequence[Color] | None,
        min_area: int,
        wgs84: bool = False,
        draw: bool = True,
        polygons: bool = True,
    ) -> None:
        self.out_dir = out_dir
        self.classes = classes
        self.palette = [tuple(c) for c in palette or hues(len(classes))]
        self.min_area = min_area
        self.wgs84 = wgs84
        self.draw = draw
        self.polygons = polygons

    def write(
        self,
        sample: Sample,
        prediction: dict,
        place: Georeference | None,
        ground: GroundSize | None = None,
    ) -> None:
        """Write the files of one pair, and note them in its prediction."""
        files = prediction['files'] = {}
        stem = sample.image.stem
        mask = prediction.get('mask')
        if mask is not None:
            end = 'png' if place is None else 'tif'
            files['mask'] = f'masks/{stem}.{end}'
            self._write_mask(self._path(files['mask']), mask, place)
            if self.polygons:
                files['polygons'] = f'polygons/{stem}.geojson'
                path = self._path(files['polygons'])
                self._write_polygons(path, prediction, place, ground)
        if self.draw:
            files['overlay'] = f'overlays/{stem}.png'
            picture = draw_change(
                *sample.pixels,
                mask,
                prediction.get('caption'),
                self.classes,
                self.palette,
            )
            Image.fromarray(picture).save(self._path(files['overlay']))

    def write_tables(self, predictions: Sequence[dict]) -> None:
        """Write ``predictions.json`` and ``predictions.csv``."""
        told = [
            {k: v for k, v in found.items() if k != 'mask'}
            for found in predictions
        ]
        path = self._path('predictions.json')
        path.write_text(json.dumps(told, indent=2), encoding='utf-8')
        rows = [dict(_cells(found)) for found in told]
        columns = {name: None for row in rows for name in row}
        path = self._path('predictions.csv')
        with path.open('w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, list(columns))
            writer.writeheader()
            writer.writerows(rows)

    def _path(self, name: str) -> Path:
        path = self.out_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write_mask(
        self, path: Path, mask: np.ndarray, place: Georeference | None
    ) -> None:
        target = RasterTarget(
            mask.shape,
            place=place,
            nodata=255,
            classes=self.classes,
            palette=self.palette,
        )
        write_raster(path, [(mask[None], None)], target)

    def _write_polygons(
        self,
        path: Path,
        prediction: dict,
        place: Georeference | None,
        ground: GroundSize,
    ) -> None:
        collection = masks_to_geojson(
            prediction['mask'],
            self.classes,
            place,
            self.wgs84,
            self.min_area,
            ground,
        )
        path.write_text(json.dumps(collection), encoding='utf-8')


def _cells(found: dict) -> Iterator[tuple[str, object]]:
    """Yield column and value of what a line of a table can hold."""
    yield from zip(('earlier', 'later'), found['paths'])
    for name in ('height', 'width', 'caption', 'says_change'):
        if name in found:
            yield name, found[name]
    for name in ('score', 'caption_confidence'):
        if name in found:
            yield name, f'{found[name]:.4f}'
    for name, values in found.get('classes', {}).items():
        for key, digits in (
            ('pixels', 0),
            ('fraction', 6),
            ('confidence', 4),
            ('count', 0),
            ('m2', 2),
            ('hectares', 4),
        ):
            if values.get(key) is not None:
                yield f'{name}_{key}', f'{values[key]:.{digits}f}'
    yield 'notes', '; '.join(found['notes'])
