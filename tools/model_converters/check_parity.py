"""Check that a method computes what its authors' network computes.

::

    python tools/model_converters/check_parity.py rsprompter-anchor FILE.npz

Builds the network from the file's meta, loads the file's weights through the
method's converter, runs the file's inputs and prints the worst error of every
output. The exit status is 0 if all are within 1e-4 + 1e-3 |reference|.
"""

import argparse
import sys

from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('method', help='for example rsprompter-anchor')
    parser.add_argument('file', help='parity file (.npz)')
    return parser.parse_args()


def main() -> None:
    """Compare, print, and exit with 1 if an output is off."""
    args = parse_args()

    from mmengine.registry import init_default_scope

    from mmrs.utils.parity import compare, read_parity_file
    from mmrs.utils.rooms import import_from_room

    run_parity = import_from_room(args.method, 'parity').run_parity
    file = read_parity_file(args.file)
    init_default_scope('mmrs')
    pairs = run_parity(args.method, file.meta, file.state_dict, file.io)

    width = max(len(name) for name in pairs)
    print(f'{"output":{width}}  max abs    max rel')
    failed = False
    for name, (ours, reference) in pairs.items():
        deviation = compare(ours, reference)
        failed |= not deviation.within
        print(
            f'{name:{width}}  {deviation.absolute:.3e}  '
            f'{deviation.relative:.3e}  {"" if deviation.within else "OFF"}'
        )
    sys.exit(int(failed))


if __name__ == '__main__':
    run_tool(main)
