r"""Compute the mean and standard deviation that normalise a data set's images.

::

    python tools/dataset_converters/mean_std.py data/UC
    python tools/dataset_converters/mean_std.py data/UC \
        --list data/UC/datainfo/train.txt --out data/UC/datainfo/meanstd.txt

For each of red, green and blue, over all images of the list (or of the
folder): the mean of each image's mean, and the mean of each image's standard
deviation, as RSMamba's ``meanstd.txt`` has them. Values are 0 to 255. No image
is skipped: those that cannot be read are named, and nothing is written.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool
from mmrs.utils.files import find_images, is_image, read_lines


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'folder', type=Path, help='folder of images, subfolders included'
    )
    parser.add_argument(
        '--list',
        type=Path,
        help='text file: paths of images below the folder, one a line',
    )
    parser.add_argument(
        '--out', type=Path, help='write the values to this file'
    )
    parser.add_argument(
        '--bands',
        type=int,
        nargs=3,
        metavar='BAND',
        help='which bands, from 0, are red, green and blue; as of LoadRSImage',
    )
    parser.add_argument(
        '--stretch',
        type=float,
        nargs=2,
        metavar=('LOW', 'HIGH'),
        help='values of the files that become 0 and 255; as of LoadRSImage',
    )
    parser.add_argument(
        '--workers', type=int, default=1, help='images read at once'
    )
    return parser.parse_args()


def list_paths(folder: Path, list_file: Path | None) -> list[Path]:
    """Find the images.

    Raises:
        InputError: The folder, the list or images of it are missing.
    """
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder')
    if list_file is None:
        paths = sorted(filter(is_image, folder.rglob('*')))
    elif not list_file.is_file():
        raise InputError(f'{list_file}: no such list of images')
    else:
        names = read_lines(list_file)
        found = find_images(folder, names)
        missing = [name for name in names if name not in found]
        if missing:
            raise InputError(
                f'{list_file}: {len(missing)} of its {len(names)} images are '
                f'not in {folder}, first: {missing[0]}'
            )
        paths = [folder / found[name] for name in names]
    if not paths:
        raise InputError(f'{list_file or folder}: names no images')
    return paths


def average(
    statistics: Iterable[tuple], total: int
) -> tuple[list[float], list[float]]:
    """Average the statistics of all images.

    Args:
        statistics: Mean and standard deviation (3,) of each image, or the
            error that it cannot be read by.
        total: Number of images.

    Raises:
        InputError: Some images cannot be read.
    """
    import numpy as np
    from rich.progress import track

    done, errors = [], []
    for found in track(statistics, 'Reading', total=total):
        (errors if isinstance(found, Exception) else done).append(found)
    if errors:
        shown = '\n'.join(str(error) for error in errors)
        raise InputError(
            f'{len(errors)} of the {total} images cannot be used; mend them '
            f'or take them out of the list:\n{shown}'
        )
    mean, std = np.mean(done, axis=0)
    return mean.tolist(), std.tolist()


def main() -> None:
    """Compute, print and write the statistics."""
    args = parse_args()
    paths = list_paths(args.folder, args.list)

    from concurrent.futures import ThreadPoolExecutor

    import cv2

    from mmrs.datasets.transforms import LoadRSImage
    from mmrs.errors import BadImageError

    load = LoadRSImage(bands=args.bands, stretch=args.stretch)

    def measure(path: Path) -> tuple | BadImageError:
        try:
            image = load(dict(img_path=str(path)))['img']
        except BadImageError as error:
            return error
        mean, std = cv2.meanStdDev(image)
        return mean[::-1, 0], std[::-1, 0]  # of blue, green, red

    # Decoding and summing release the interpreter: threads are enough.
    with ThreadPoolExecutor(args.workers) as pool:
        mean, std = average(pool.map(measure, paths), len(paths))
    line = 'mean: [{}], std: [{}]'.format(
        *(', '.join(f'{value:.8f}' for value in v) for v in (mean, std))
    )
    print(f'{len(paths)} images\n{line}')
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(line)


if __name__ == '__main__':
    run_tool(main)
