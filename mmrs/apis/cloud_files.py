"""The files that describe the clouds of scenes."""

import csv
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmrs.geo.georeference import GroundSize
from mmrs.geo.outlines import generalised, outline_rows
from mmrs.geo.row_file import RowFile
from mmrs.geo.source import ArraySource, Source
from mmrs.geo.vectors import write_polygons
from mmrs.geo.writer import RasterTarget, write_rows
from mmrs.visualization.class_maps import (
    bands_to_rgb,
    color_classes,
    draw_row,
)
from mmrs.visualization.instances import Color, hues

from .scenes import ClassSink
from .scenes.sink import TOP

_SHOWN = 1024  # px of the longer side of a quick-look
_STRIP = 512  # rows at once


class CloudFiles:
    """Writes the results of scenes into folders, one for each kind of file.

    Args:
        out_dir: Where the folders are.
        classes: Names of the classes.
        palette: One RGB colour a class; None: evenly spaced hues.
        polygons: ``'geojson'``, ``'gpkg'``, or None for no outlines.
        min_area: Pixels of the smallest object that is outlined.
        wgs84: Outline in longitude and latitude.
        draw: Write quick-looks.
        simplify: How far outlines may leave the edges of pixels, in px.
        regular: Make the corners of simplified outlines right angles.
    """

    def __init__(
        self,
        out_dir: Path,
        classes: Sequence[str],
        palette: Sequence[Color] | None,
        polygons: str | None,
        min_area: int,
        wgs84: bool,
        draw: bool,
        simplify: float = 0,
        regular: bool = False,
    ) -> None:
        self.out_dir = out_dir
        self.classes = classes
        self.palette = [tuple(c) for c in palette or hues(len(classes))]
        self.polygons = polygons
        self.min_area = min_area
        self.wgs84 = wgs84
        self.draw = draw
        self.simplify = simplify
        self.regular = regular

    def unfinished(self, stem: str) -> Path:
        """Folder of the rows of a scene that is being predicted."""
        return self.out_dir / '.unfinished' / stem

    def forget(self, stem: str) -> None:
        """Remove what is unfinished of a scene."""
        shutil.rmtree(self.unfinished(stem))
        root = self.out_dir / '.unfinished'
        if not any(path.is_file() for path in root.rglob('*')):
            shutil.rmtree(root)

    def earlier(self, stem: str, made_with: dict) -> dict | None:
        """What an earlier run with the same settings told of a scene."""
        path = self._path(f'scenes/{stem}.json')
        if not path.is_file():
            return None
        told = json.loads(path.read_text(encoding='utf-8'))
        same = told.pop('made_with') == json.loads(json.dumps(made_with))
        return told if same else None

    def write(
        self,
        stem: str,
        source: Source,
        sink: ClassSink,
        classes: RowFile,
        ground: GroundSize,
        prediction: dict,
        made_with: dict,
    ) -> None:
        """Write the files of a scene, and note them in its prediction.

        What is told of the scene comes last: it stands for all being there.
        """
        files = prediction['files'] = {}
        self._path(f'scenes/{stem}.json').unlink(missing_ok=True)
        files['map'] = self._write_map(stem, source, classes, sink.nodata)
        if sink.probabilities is not None:
            files['probabilities'] = f'probabilities/{stem}.tif'
            target = RasterTarget(
                source.shape,
                len(self.classes),
                place=source.place,
                nodata=255,
                band_names=self.classes,
                scale=1 / TOP,
            )
            path = self._path(files['probabilities'])
            write_rows(path, sink.probabilities, target)
        if self.polygons is not None:
            files['polygons'] = f'polygons/{stem}.{self.polygons}'
            strips = ((y, rows[0]) for y, rows in classes.strips(_STRIP))
            write_polygons(
                self._path(files['polygons']),
                generalised(
                    outline_rows(
                        strips, self.min_area, (0, sink.nodata), ground
                    ),
                    self.simplify,
                    self.regular,
                ),
                self.classes,
                source.place,
                self.wgs84,
            )
        if self.draw:
            files['quicklook'] = f'quicklooks/{stem}.png'
            picture = self._draw(source, classes, prediction['bands'])
            picture.save(self._path(files['quicklook']))
        told = {k: v for k, v in prediction.items() if k != 'mask'}
        text = json.dumps(told | dict(made_with=made_with), indent=2)
        path = self._path(f'scenes/{stem}.json')
        partial = path.with_suffix('.part')
        partial.write_text(text, encoding='utf-8')
        os.replace(partial, path)
        self.forget(stem)

    def write_tables(self, predictions: Sequence[dict]) -> None:
        """Write ``predictions.json`` and ``predictions.csv``."""
        told = [
            {k: v for k, v in found.items() if k != 'mask'}
            for found in predictions
        ]
        path = self._path('predictions.json')
        path.write_text(json.dumps(told, indent=2), encoding='utf-8')
        columns = ['path', 'height', 'width', 'valid_percent']
        columns += [f'{name}_percent' for name in self.classes]
        path = self._path('predictions.csv')
        with path.open('w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for found in told:
                values = [found['valid_percent']]
                values += [c['percent'] for c in found['classes'].values()]
                writer.writerow(
                    [found['path'], found['height'], found['width']]
                    + [f'{value:.4f}' for value in values]
                )

    def _path(self, name: str) -> Path:
        path = self.out_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write_map(
        self, stem: str, source: Source, classes: RowFile, nodata: int
    ) -> str:
        end = 'png' if isinstance(source, ArraySource) else 'tif'
        target = RasterTarget(
            source.shape,
            dtype=classes.dtype,
            place=source.place,
            nodata=nodata,
            classes=self.classes,
            palette=self.palette,
        )
        name = f'maps/{stem}.{end}'
        write_rows(self._path(name), classes, target)
        return name

    def _draw(
        self, source: Source, classes: RowFile, bands: Sequence[str]
    ) -> Image.Image:
        """Draw a scene, smaller, beside its classes."""
        step = -(-max(source.shape) // _SHOWN)
        with source.opened(1, 1):
            pixels, valid = source.thin_out(step)
        pixels = pixels.astype(np.float32)
        if valid is not None:
            pixels[~valid] = pixels[valid].min(initial=0)
        shown = np.minimum(classes.thin_out(step)[0], 255)
        panels = dict(
            image=bands_to_rgb(pixels, bands),
            classes=color_classes(shown, self.palette[:255]),
        )
        return draw_row(panels, max(source.shape[0] // step, 1))
