"""What the tools of MetaEarth share of their command lines."""

import argparse
import os

SOLVERS = ('ddim', 'dpm')


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, where it runs and its solver."""
    group = parser.add_argument_group('model')
    group.add_argument(
        '--model',
        required=True,
        help='a folder in the format of diffusers, or a config file',
    )
    group.add_argument(
        '--weights', help='checkpoint of a config; folders have theirs'
    )
    group.add_argument(
        '--device', help='cpu, cuda or cuda:N (default: a GPU if there is one)'
    )
    group.add_argument(
        '--dtype',
        choices=['fp32', 'bf16'],
        default='fp32',
        help='of the networks; the solver computes in fp32',
    )
    group.add_argument(
        '--compile', action='store_true', help='compile the networks first'
    )
    group.add_argument(
        '--solver',
        choices=SOLVERS,
        help="default: the model's; ddim is the paper's, dpm (DPM-Solver++) "
        'needs fewer steps',
    )


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings of sampling; those not given are left out."""
    group = parser.add_argument_group(
        'sampling', argument_default=argparse.SUPPRESS
    )
    group.add_argument(
        '--paper',
        action='store_true',
        help='sample as the paper says: 50 steps, half of a window '
        'overlaps, its margins are cut, one noise for all (inferred: '
        'periodic)',
    )
    group.add_argument(
        '--steps',
        dest='num_inference_steps',
        type=int,
        help='of the solver (default: 50, of dpm 12)',
    )
    group.add_argument('--seed', type=int, help='of the noise (default: 0)')
    group.add_argument('--eta', type=float, help='of DDIM (default: 0)')
    group.add_argument(
        '--tile', type=int, help='side of windows (default: as trained)'
    )
    group.add_argument(
        '--overlap', type=float, help='of windows, 0 to 1 (default: 0.5)'
    )
    group.add_argument(
        '--merge',
        help='crop, feather, multidiffusion or mixture (default: feather)',
    )
    group.add_argument(
        '--noise',
        help='world, shared_periodic, shared_block or independent (default: '
        'world)',
    )
    group.add_argument(
        '--tile-batch', type=int, help='windows at once (default: 8)'
    )
    group.add_argument(
        '--origin',
        nargs=2,
        type=int,
        metavar=('ROW', 'COLUMN'),
        help='of the image in the world of the noise, in its pixels',
    )
    group.add_argument(
        '--consistency',
        type=float,
        help='how far each step is drawn to the condition, 0 to 1',
    )


def sampling_settings(args: argparse.Namespace) -> dict:
    """Take the settings of sampling that were given."""
    names = (
        'num_inference_steps',
        'seed',
        'eta',
        'tile',
        'overlap',
        'merge',
        'noise',
        'tile_batch',
        'origin',
        'consistency',
    )
    given = {name: getattr(args, name) for name in names if name in args}
    if 'origin' in given:
        given['origin'] = tuple(given['origin'])
    if 'paper' in args:
        from mmrs.models.metaearth.pipeline import PAPER_SETTINGS

        return PAPER_SETTINGS | given
    if args.solver == 'dpm':
        given.setdefault('num_inference_steps', 12)
    return given


def read_condition(args: argparse.Namespace):
    """Read the upper left part of SRC that a command line names.

    Returns:
        The part, at most ``args.size`` pixels a side, as an
        :class:`~mmrs.models.metaearth.sampling.ArrayImage`, and the size of
        its pixels in metres.
    """
    from mmrs.models.metaearth.sampling import ArrayImage
    from mmrs.models.metaearth.source import SourceImage

    source = SourceImage(args.src)
    gsd = source.gsd(args.gsd)
    part = min(args.size, source.height), min(args.size, source.width)
    return ArrayImage(source.read(0, 0, *part)), gsd


def load_pipeline(args: argparse.Namespace, device: str | None = None):
    """Load the model of a command line as a pipeline."""
    from mmrs.apis import MetaEarthInferencer

    return MetaEarthInferencer(
        args.model,
        args.weights,
        device or args.device,
        args.dtype,
        args.solver,
        args.compile,
    ).pipeline


def join_processes(device: str | None) -> str | None:
    """Join the processes that torchrun started, if it did.

    Returns:
        The device of this process: where none is asked for, the GPU of its
        number on its machine.
    """
    if 'TORCHELASTIC_RUN_ID' not in os.environ:
        return device
    from datetime import timedelta

    import torch

    # Only names and numbers are exchanged. One that is done waits for the
    # others, however long their rows take.
    torch.distributed.init_process_group('gloo', timeout=timedelta(days=30))
    if device is None and torch.cuda.is_available():
        return f'cuda:{os.environ["LOCAL_RANK"]}'
    return device
