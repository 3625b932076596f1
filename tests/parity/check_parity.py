"""Check that a method computes what its authors' network computes.

::

    python tests/parity/check_parity.py rsprompter-anchor FILE.npz

Builds the network from the file's meta, loads the file's weights through the
method's converter, runs the file's inputs and prints the worst error of every
output. The exit status is 0 if all are within 1e-4 + 1e-3 |reference|.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('method', help='for example rsprompter-anchor')
    parser.add_argument('file', help='parity file (.npz)')
    return parser.parse_args()


def find_runner(method: str):
    """Return ``run_parity`` of a method's module beside this one."""
    room = method.partition('-')[0]
    known = sorted(
        path.stem
        for path in HERE.glob('*.py')
        if 'def run_parity(' in path.read_text()
    )
    if room not in known:
        raise InputError(
            f'method {method}: compared are {", ".join(known)}, also with a '
            'variant after a dash'
        )
    return import_module(f'parity.{room}').run_parity


def main() -> None:
    """Compare, print, and exit with 1 if an output is off."""
    args = parse_args()

    from mmengine.registry import init_default_scope

    from parity.files import compare, read_parity_file

    run_parity = find_runner(args.method)
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
