"""Turn a checkpoint of a method's authors into one of ours.

::

    python tools/model_converters/convert.py rsprompter SRC DST

The result holds the weights, and for some methods the sizes that they show, as
``meta``. It loads with ``torch.load(..., weights_only=True)``, and is a
checkpoint for tools/test.py.
"""

import argparse
from pathlib import Path

from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('method', help='for example rsprompter')
    parser.add_argument('src', help='checkpoint of the authors')
    parser.add_argument('dst', help='file to write')
    return parser.parse_args()


def main() -> None:
    """Convert."""
    args = parse_args()

    import torch

    from mmrs.utils.checkpoint import read_checkpoint
    from mmrs.utils.rooms import import_from_room

    room = import_from_room(args.method, 'converters')
    state_dict = room.convert_released(read_checkpoint(args.src)['state_dict'])
    checkpoint = dict(state_dict=state_dict)
    if hasattr(room, 'describe'):
        checkpoint['meta'] = room.describe(state_dict)
    Path(args.dst).parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, args.dst)
    print(f'{args.dst}: {len(state_dict)} tensors')
    for name, value in checkpoint.get('meta', {}).items():
        print(f'{name}: {value}')


if __name__ == '__main__':
    run_tool(main)
