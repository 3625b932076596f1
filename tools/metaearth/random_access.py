"""Check that any part of what MetaEarth generates is the same by itself.

::

    python tools/metaearth/random_access.py 64m.tif --gsd 64 --model CONFIG \
        --weights CHECKPOINT --stages 2

A whole image is generated row by row. Then windows of random places and sizes
are asked for, in random order, of random ``--tile-batch`` and, on a CPU, by
one thread or several. Each must equal the part of the whole: on a CPU in fp32
to the last bit. Exits with 1 if a window differs by more than ``--tolerance``
grey levels, which a GPU may need.
"""

import argparse
import json
import sys

from arguments import (
    add_model_arguments,
    add_sampling_arguments,
    load_pipeline,
    read_condition,
    sampling_settings,
)

from mmrs.utils.cli import run_tool

FORGETTING = 10  # windows after which nothing is remembered
BATCHES = (1, 2, 3, 5, 8)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='image to generate from')
    parser.add_argument('--gsd', type=float, help='of SRC, metres a pixel')
    parser.add_argument('--stages', type=int, default=2)
    parser.add_argument(
        '--size', type=int, default=32, help='of the part of SRC taken'
    )
    parser.add_argument('--windows', type=int, default=100)
    parser.add_argument(
        '--largest', type=int, default=96, help='side of a window in pixels'
    )
    parser.add_argument('--tolerance', type=int, default=0)
    parser.add_argument('--order', type=int, default=0, help='seed of places')
    parser.add_argument('--json', action='store_true', help='print JSON')
    add_model_arguments(parser)
    add_sampling_arguments(parser)
    return parser.parse_args()


def random_windows(rng, number: int, largest: int, height: int, width: int):
    """Draw windows inside an image.

    Yields:
        Top, left, height and width.
    """
    for _ in range(number):
        h, w = (
            int(rng.integers(1, min(largest, side) + 1))
            for side in (height, width)
        )
        yield rng.integers(height - h + 1), rng.integers(width - w + 1), h, w


def check(args: argparse.Namespace) -> dict:
    """Generate a whole, then windows of it.

    Returns:
        ``windows``: how many there were; ``differ``: how many are not as in
        the whole; ``largest``: difference in grey levels.
    """
    import numpy as np
    import torch

    image, gsd = read_condition(args)
    pipeline = load_pipeline(args)
    settings = sampling_settings(args)
    rows = pipeline.iter_rows(image, gsd, args.stages, **settings)
    whole = np.concatenate([strip for _, strip in rows])
    rng, threads = np.random.default_rng(args.order), torch.get_num_threads()
    differences = []
    places = random_windows(rng, args.windows, args.largest, *whole.shape[:2])
    for number, (top, left, height, width) in enumerate(places):
        if number % FORGETTING == 0:
            torch.set_num_threads(int(rng.choice([1, threads])))
            batch = dict(tile_batch=int(rng.choice(BATCHES)))
            stages = pipeline.lazy_cascade(
                image, gsd, args.stages, **settings | batch
            )
        alone = stages[-1].read(top, left, height, width)
        same = whole[top : top + height, left : left + width]
        differences.append(np.abs(alone.astype(int) - same).max())
    torch.set_num_threads(threads)
    return dict(
        windows=len(differences),
        differ=int(np.count_nonzero(differences)),
        largest=int(max(differences)),
    )


def main() -> None:
    """Check, print and tell by the exit status."""
    args = parse_args()
    found = check(args)
    if args.json:
        print(json.dumps(found))
    else:
        print(
            f'{found["differ"]} of {found["windows"]} windows differ from the '
            f'whole, by at most {found["largest"]} grey levels'
        )
    if found['largest'] > args.tolerance:
        sys.exit(1)


if __name__ == '__main__':
    run_tool(main)
