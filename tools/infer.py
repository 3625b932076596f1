"""Apply a model to an image, a pair of dates, or a folder of them.

::

    python tools/infer.py image.jpg CONFIG CHECKPOINT
    python tools/infer.py folder/ CONFIG CHECKPOINT --batch-size 4
    python tools/infer.py folder/ CONFIG CHECKPOINT --device cuda:1
    python tools/infer.py 2018.tif CONFIG CHECKPOINT --later 2024.tif
    python tools/infer.py A/ CONFIG CHECKPOINT --later B/
    python tools/infer.py scene.tif CONFIG CHECKPOINT --tile 1024 --overlap \
        256 --polygons gpkg --dilate 60m

Drawn images, the predictions and tables are written to ``--out-dir``. Files
that cannot be read are skipped and listed at the end. Two folders give the
pairs of equal file names.
"""

import argparse
import inspect

from mmrs.config import load_config
from mmrs.errors import InputError
from mmrs.utils.cli import add_config_arguments, run_tool

TASK_SETTINGS = {
    'activation',
    'dilate',
    'draw',
    'file_bands',
    'geojson_crs',
    'gsd',
    'min_area',
    'min_blob',
    'num_workers',
    'overlap',
    'polygons',
    'probabilities',
    'regular',
    'score_thr',
    'simplify',
    'skip_existing',
    'tile',
    'top_k',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('input', help='image file or folder of images')
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--out-dir', default='outputs')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument(
        '--device', help='cpu, cuda or cuda:N (default: a GPU if there is one)'
    )
    # Settings of a task: absent where not given, so that others may refuse.
    instances = parser.add_argument_group('instance segmentation')
    instances.add_argument(
        '--score-thr',
        type=float,
        default=argparse.SUPPRESS,
        help='predictions with a lower score are left out (default: 0.3)',
    )
    scenes = parser.add_argument_group('scene classification')
    scenes.add_argument(
        '--top-k',
        type=int,
        default=argparse.SUPPRESS,
        help='how many of the most probable classes are told (default: 5)',
    )
    scenes.add_argument(
        '--activation',
        action='store_true',
        default=argparse.SUPPRESS,
        help='show which parts of an image speak for its class',
    )
    change = parser.add_argument_group('change between two dates')
    change.add_argument(
        '--later',
        metavar='INPUT',
        help='the image or folder of the later date; the first input is the '
        'earlier one',
    )
    shared = parser.add_argument_group('scenes, change and clouds')
    shared.add_argument(
        '--gsd',
        type=float,
        default=argparse.SUPPRESS,
        metavar='METRES',
        help='side of a pixel, for areas (default: as a GeoTIFF says)',
    )
    shared.add_argument(
        '--min-area',
        type=int,
        default=argparse.SUPPRESS,
        metavar='PIXELS',
        help='smaller objects are neither counted nor outlined (default: 6)',
    )
    shared.add_argument(
        '--geojson-crs',
        choices=['image', 'wgs84'],
        default=argparse.SUPPRESS,
        help="coordinates of polygons: of the image's CRS, or longitude and "
        'latitude (default: image)',
    )
    shared.add_argument(
        '--draw',
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help='write a picture of every image or pair (default: yes)',
    )
    _add_cloud_arguments(parser.add_argument_group('clouds'))
    return parser.parse_args()


def _add_cloud_arguments(clouds: argparse._ArgumentGroup) -> None:
    def add(name: str, **settings) -> None:
        clouds.add_argument(name, default=argparse.SUPPRESS, **settings)

    add(
        '--tile',
        type=int,
        metavar='PIXELS',
        help='side of the tiles that a scene is cut into (default: 512)',
    )
    add(
        '--overlap',
        type=int,
        metavar='PIXELS',
        help='of neighbouring tiles, at least (default: 128)',
    )
    add(
        '--workers',
        type=int,
        dest='num_workers',
        metavar='THREADS',
        help='threads that read (default: 2)',
    )
    add(
        '--file-bands',
        nargs='+',
        metavar='BAND',
        help='names of the bands of the files in their order (default: as '
        'files describe them, else as the data set of the config has them)',
    )
    add(
        '--min-blob',
        type=int,
        metavar='PIXELS',
        help='smaller objects take the class around them (default: 0)',
    )
    add(
        '--dilate',
        metavar='DISTANCE',
        help='how far clouds grow: pixels, or metres as 60m (default: 0)',
    )
    add(
        '--probabilities',
        action='store_true',
        help='write the probability of each class',
    )
    add(
        '--polygons',
        choices=['geojson', 'gpkg', 'shp'],
        help='write the outlines of objects',
    )
    add(
        '--simplify',
        type=float,
        metavar='PIXELS',
        help='how far outlines may leave the edges of pixels (default: 0)',
    )
    add(
        '--regular',
        action='store_true',
        help='make the corners of simplified outlines right angles',
    )
    add(
        '--skip-existing',
        action='store_true',
        help='keep results that were made with the same settings',
    )


def task_settings(args: argparse.Namespace, inferencer: type) -> dict:
    """Take the settings that are the inferencer's own.

    Raises:
        InputError: A setting was given that this inferencer does not have.
    """
    names = TASK_SETTINGS & vars(args).keys()
    known = inspect.signature(inferencer.__call__).parameters
    for name in sorted(names - known.keys()):
        option = '--' + name.replace('_', '-')
        raise InputError(
            f'{option} is no setting of {inferencer.__name__}, which '
            f'{args.config} predicts with; leave it out'
        )
    return {name: getattr(args, name) for name in names}


def task_inputs(
    args: argparse.Namespace, inferencer: type
) -> str | tuple[str, str]:
    """Take the input, or both dates where the inferencer compares two.

    Raises:
        InputError: The later date is missing, or there is one too many.
    """
    takes_pairs = getattr(inferencer, 'TAKES_PAIRS', False)
    if takes_pairs and args.later is None:
        raise InputError(
            f'{args.config} compares two dates, and {args.input} is one; '
            'name the later image or folder by --later'
        )
    if not takes_pairs and args.later is not None:
        raise InputError(
            f'--later: {inferencer.__name__}, which {args.config} predicts '
            'with, looks at single images; leave it out'
        )
    return (args.input, args.later) if takes_pairs else args.input


def main() -> None:
    """Predict."""
    args = parse_args()
    from mmrs.registry import INFERENCERS

    cfg = load_config(args.config, args.cfg_options)
    settings = dict(cfg.get('inferencer', dict(type='InstanceSegInferencer')))
    inferencer = INFERENCERS.get(settings.pop('type'))
    own = task_settings(args, inferencer)
    inputs = task_inputs(args, inferencer)
    infer = inferencer(
        model=cfg, weights=args.checkpoint, device=args.device, **settings
    )
    results = infer(
        inputs, batch_size=args.batch_size, out_dir=args.out_dir, **own
    )
    what = 'images' if args.later is None else 'pairs'
    print(
        f'{len(results["predictions"])} {what} done, '
        f'{len(results["skipped"])} skipped, see {args.out_dir}'
    )


if __name__ == '__main__':
    run_tool(main)
