"""One world at several resolutions, as MetaEarth is trained on."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from mmrs.synthetic.layouts.pairs import REGIONS, choose_split
from mmrs.synthetic.layouts.scenes import SPREAD, draw_look
from mmrs.synthetic.noise import Grid, generator
from mmrs.synthetic.optical import Look, render_optical
from mmrs.synthetic.terrain import CELL
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

STEP = 4  # from one resolution to the next
FINEST = 4.0  # metres a pixel
# A block of the world is a coarse image, and cut into 4 x 4 parts, each a
# middle image. Of the 4 x 4 fine images in a part every fourth is kept.
PARTS, KEPT = 16, 4
PART_IMAGES = KEPT + 1
BLOCK_IMAGES = PARTS * PART_IMAGES + 1
LEAST_LAND = 0.5  # share of a block
DEGREE = 111_320.0  # metres on the equator
LARGEST = 1024  # pixels of a rendered picture, which bounds the memory


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``SPLIT/r64/*.png``, ``r16`` and ``r4``, and their indices.

    ``SPLIT/index.jsonl`` has a line an image. The world is rendered at the
    finest resolution (`gsd`, by default 4 m), and the others are its means:
    81 images in a row are of one place, 64 fine ones, 16 in the middle and
    at last the coarse one. Splits are in parts of the world far from each
    other. The arguments are those of
    :func:`mmrs.synthetic.layouts.write_dataset`.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    finest = gsd or FINEST
    index: dict[str, list[dict]] = {}
    block = number = None
    for k in numbers:
        if k // BLOCK_IMAGES != number:
            number = k // BLOCK_IMAGES
            split = choose_split(number, val_fraction)
            block = Block(world, number, size, finest, split)
        resolution, image, window = block.image(k % BLOCK_IMAGES)
        folder = f'r{resolution:g}'
        path = out / split / folder / f'{k:06d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        west, north, east, south = window.bounds
        index.setdefault(split, []).append(
            dict(
                file=f'{folder}/{path.name}',
                res=resolution,
                # As if the world lay at the equator of a sphere.
                lat=-(north + south) / 2 / DEGREE,
                lon=(west + east) / 2 / DEGREE,
                epsg=4326,
                source=f'synthetic world {seed}',
                license='Apache-2.0',
            )
        )
        yield path
    for split, lines in index.items():
        path = out / split / 'index.jsonl'
        path.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
        yield path


class Block:
    """A square of the world, seen at three resolutions.

    Args:
        world: the world.
        number: which block; decides with the world where it is.
        size: width and height of all images in pixels.
        gsd: pixel size of the fine images in metres.
        split: part of the world it is in: 'train', 'val' or 'test'.
    """

    def __init__(
        self, world: World, number: int, size: int, gsd: float, split: str
    ):
        self.world = world
        self.size = size
        self.gsd = gsd
        self.look = draw_look(world, number)
        self.window = _place(world, number, size * STEP**2, gsd, split)
        kept = generator(world.key('kept tiles'), number)
        fine = np.arange(STEP**2)
        self._kept = [kept.permutation(fine)[:KEPT] for _ in range(PARTS)]
        self._part: tuple[int, np.ndarray] | None = None
        self._means: dict[int, np.ndarray] = {}

    def image(self, i: int) -> tuple[float, np.ndarray, Window]:
        """Image i of ``BLOCK_IMAGES``.

        Returns:
            its resolution in metres a pixel, RGB uint8 (H, W, 3), and the
            window of fine pixels that it shows.
        """
        if i == BLOCK_IMAGES - 1:
            return self.gsd * STEP**2, _to_uint8(self._coarse()), self.window
        part, i = divmod(i, PART_IMAGES)
        window = self._part_window(part)
        if i == KEPT:
            middle = _to_uint8(self._mean(part))
            return self.gsd * STEP, middle, window
        row, col = divmod(int(self._kept[part][i]), STEP)
        top, left = row * self.size, col * self.size
        pixels = self._render(part)
        fine = pixels[top : top + self.size, left : left + self.size]
        return self.gsd, fine, _cut(window, row, col, self.size)

    def _part_window(self, part: int) -> Window:
        return _cut(self.window, *divmod(part, STEP), self.size * STEP)

    def _render(self, part: int) -> np.ndarray:
        """A part in fine pixels; the last one is kept."""
        if self._part is None or self._part[0] != part:
            window = self._part_window(part)
            self._part = part, render(self.world, window, self.look)
        return self._part[1]

    def _mean(self, part: int) -> np.ndarray:
        """A part at the middle resolution, float32, not rounded."""
        if part not in self._means:
            self._means[part] = _shrink(self._render(part))
        return self._means[part]

    def _coarse(self) -> np.ndarray:
        rows = [
            np.hstack([self._mean(row * STEP + col) for col in range(STEP)])
            for row in range(STEP)
        ]
        return _shrink(np.vstack(rows))


def render(world: World, window: Window, look: Look) -> np.ndarray:
    """Render a window of any size, RGB uint8 (H, W, 3)."""
    image = np.empty((window.height, window.width, 3), np.uint8)
    for top in range(0, window.height, LARGEST):
        for left in range(0, window.width, LARGEST):
            target = image[top : top + LARGEST, left : left + LARGEST]
            height, width = target.shape[:2]
            part = Window(
                window.col + left,
                window.row + top,
                width,
                height,
                window.gsd,
            )
            target[:] = render_optical(world, part, look)[0]
    return image


def _place(
    world: World, number: int, side: int, gsd: float, split: str
) -> Window:
    """Find a window that shows land enough."""
    rng = generator(world.key('blocks'), number)
    reach = SPREAD * CELL
    first, last = (reach * share for share in REGIONS[split])
    while True:
        x, y = rng.uniform(first, last), rng.uniform(-reach, reach)
        window = Window.centred(x, y, side, side, gsd)
        west, north, east, south = window.bounds
        grid = Grid(np.linspace(west, east, 16), np.linspace(north, south, 16))
        if np.mean(world.water_distance(grid) < 0) >= LEAST_LAND:
            return window


def _cut(window: Window, row: int, col: int, side: int) -> Window:
    return Window(
        window.col + col * side, window.row + row * side, side, side,
        window.gsd,
    )  # fmt: skip


def _shrink(image: np.ndarray) -> np.ndarray:
    """Mean of each 4 x 4 pixels, float32."""
    size = image.shape[1] // STEP, image.shape[0] // STEP
    image = image.astype(np.float32)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _to_uint8(image: np.ndarray) -> np.ndarray:
    return np.round(image).astype(np.uint8)
