"""Save a trained MetaEarth in the format of diffusers, or take it back.

::

    python tools/metaearth/convert.py CONFIG --weights CHECKPOINT FOLDER
    python tools/metaearth/convert.py FOLDER CHECKPOINT

The folder can be loaded by ``MetaEarthPipeline.from_pretrained``, and by
diffusers where mmrs is installed. A checkpoint that a folder is converted to
holds the weights alone; it can be tested, or trained on by ``load_from``.
"""

import argparse
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('model', help='a config, or a folder of diffusers')
    parser.add_argument('dst', type=Path, help='a folder, or a .pth file')
    parser.add_argument('--weights', help='the checkpoint of a config')
    return parser.parse_args()


def main() -> None:
    """Convert and say what was written."""
    args = parse_args()
    backward = Path(args.model).is_dir()
    if backward and args.dst.suffix != '.pth':
        raise InputError(
            f'{args.dst}: a folder is converted to a checkpoint; name a '
            '.pth file'
        )
    if not backward and args.weights is None:
        raise InputError('give the checkpoint of the config by --weights')
    from mmrs.apis import MetaEarthInferencer

    pipeline = MetaEarthInferencer(args.model, args.weights, 'cpu').pipeline
    if backward:
        pipeline.save_checkpoint(args.dst)
    else:
        pipeline.save_pretrained(args.dst)
    print(f'{args.dst}: weights of SHA-256 {pipeline.weights_hash()}')


if __name__ == '__main__':
    run_tool(main)
