"""Turn a checkpoint of a method's authors into one of ours.

::

    python tools/model_converters/convert.py rsprompter SRC DST
    python tools/model_converters/convert.py none SRC DST.safetensors

The result holds the weights, and for some methods the sizes that they show, as
``meta``. It is a checkpoint for tools/test.py. Written as ``.pth`` it loads
with ``torch.load(..., weights_only=True)``; the other format is
``.safetensors``. The method ``none`` keeps the names.

A file that holds more than plain weights is refused, since to open it runs
whatever code it names. ``--unsafe`` opens it all the same: use it for a file
whose source you trust.
"""

import argparse
import sys
from pathlib import Path
from types import ModuleType

from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'method', help='for example rsprompter; none keeps the names'
    )
    parser.add_argument('src', help='checkpoint of the authors')
    parser.add_argument('dst', help='file to write, .pth or .safetensors')
    parser.add_argument(
        '--unsafe',
        action='store_true',
        help='run the code that SRC names, with all your rights',
    )
    return parser.parse_args()


def main() -> None:
    """Convert."""
    args = parse_args()

    from mmrs.utils.checkpoint import as_checkpoint, read_checkpoint
    from mmrs.utils.checkpoint_files import (
        check_suffix,
        encode_checkpoint,
        run_file,
    )
    from mmrs.utils.rooms import import_from_room

    dst = Path(args.dst)
    check_suffix(dst)
    room = None
    if args.method != 'none':
        room = import_from_room(args.method, 'converters')
    if args.unsafe:
        print(
            f'WARNING: --unsafe: {args.src} is opened with all the code that '
            'it names, which can do whatever you can on this machine',
            file=sys.stderr,
        )
        source = as_checkpoint(run_file(args.src), args.src)
    else:
        source = read_checkpoint(args.src)
    checkpoint = convert(source['state_dict'], room)
    dst.parent.mkdir(parents=True, exist_ok=True)
    dst.write_bytes(encode_checkpoint(checkpoint, dst.suffix))
    print(f'{dst}: {len(checkpoint["state_dict"])} tensors')
    for name, value in checkpoint.get('meta', {}).items():
        print(f'{name}: {value}')


def convert(state_dict: dict, room: ModuleType | None) -> dict:
    """Give the weights our names, and add the sizes that they show.

    Args:
        state_dict: As the file has it.
        room: The method's converters; None keeps the names.
    """
    from torch import Tensor

    if room is None:
        weights = {
            name: value.detach()
            for name, value in state_dict.items()
            if isinstance(value, Tensor)
        }
        return dict(state_dict=weights)
    state_dict = room.convert_released(state_dict)
    if not hasattr(room, 'describe'):
        return dict(state_dict=state_dict)
    return dict(state_dict=state_dict, meta=room.describe(state_dict))


if __name__ == '__main__':
    run_tool(main)
