"""Writers of small data sets in the layouts of real ones."""

import json
from pathlib import Path

from rich.progress import track

from mmrs.errors import InputError
from mmrs.synthetic.layouts import (
    cloud38,
    levir_cc,
    levir_cs,
    levir_mci,
    metaearth,
    nwpu,
    scene_cls,
    ssdd,
    whu,
)

# A writer takes out, seed, the numbers of the images (0, 1, ...), size, gsd
# and val_fraction, and yields the path of every file it has written.
WRITERS = {
    'nwpu': nwpu.write,
    'whu': whu.write,
    'ssdd': ssdd.write,
    'scene-cls': scene_cls.write,
    'levir-cc': levir_cc.write,
    'levir-mci': levir_mci.write,
    'levir-cs': levir_cs.write,
    '38-cloud': cloud38.write,
    'metaearth': metaearth.write,
}
MANIFEST = 'synthetic.json'


def write_dataset(
    layout: str,
    out: Path,
    seed: int,
    num: int,
    size: int,
    gsd: float | None = None,
    val_fraction: float = 0.2,
) -> None:
    """Write a data set; the same arguments give the same bytes.

    An earlier synthetic data set at the same place is replaced.

    Args:
        layout: one of ``WRITERS``.
        out: folder to write to; made where it does not exist.
        seed: seed of the world.
        num: number of images, or of pairs of them.
        size: width and height of the images in pixels.
        gsd: pixel size in metres; by default one that suits the layout.
        val_fraction: share of the images held out for validation (and for
            testing, where the layout has a split for that).

    Raises:
        InputError: ``out`` holds other files, or a number makes no sense.
    """
    _check(num, size, gsd, val_fraction)
    _clear(out)
    out.mkdir(parents=True, exist_ok=True)
    settings = dict(
        layout=layout,
        seed=seed,
        num=num,
        size=size,
        gsd=gsd,
        val_fraction=val_fraction,
    )
    numbers = track(range(num), f'{layout} scenes')
    written = WRITERS[layout](out, seed, numbers, size, gsd, val_fraction)
    files: list[str] = []
    try:
        for path in written:
            files.append(path.relative_to(out).as_posix())
    finally:  # what an interrupted run has written can be replaced, too
        manifest = dict(settings, files=files)
        (out / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _check(num: int, size: int, gsd: float | None, val: float) -> None:
    if num < 1:
        raise InputError(f'--num {num}: give the number of images, at least 1')
    if size < 64:
        raise InputError(
            f'--size {size}: give at least 64 pixels, or nothing can be told '
            'from anything else'
        )
    if gsd is not None and not 0.05 <= gsd <= 10:
        raise InputError(
            f'--gsd {gsd}: give a pixel size from 0.05 to 10 metres'
        )
    if not 0 <= val < 1:
        raise InputError(
            f'--val-fraction {val}: give a share from 0 to less than 1'
        )


def _clear(out: Path) -> None:
    """Take away an earlier synthetic data set; refuse anything else."""
    if out.is_file():
        raise InputError(f'{out} is a file; give --out a folder')
    if not out.exists() or not any(out.iterdir()):
        return
    manifest = out / MANIFEST
    if not manifest.is_file():
        raise InputError(
            f'{out} is not empty and was not written by this tool; give '
            '--out another folder'
        )
    for name in json.loads(manifest.read_text())['files']:
        (out / name).unlink(missing_ok=True)
