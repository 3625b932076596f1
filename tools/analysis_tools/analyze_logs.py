r"""Print or draw the curves of training runs.

::

    python tools/analysis_tools/analyze_logs.py work_dirs/a
    python tools/analysis_tools/analyze_logs.py work_dirs/a work_dirs/b \
        --keys loss coco/segm_mAP --plot curves.png

A run is a work folder (its newest log is read) or a ``scalars.json``.
"""

import argparse
import json
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

Curve = list[tuple[int, float]]  # pairs of step and value


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('runs', nargs='+', help='work folders or log files')
    parser.add_argument('--keys', nargs='+', help='default: all')
    parser.add_argument('--plot', metavar='PNG', help='draw to this file')
    return parser.parse_args()


def find_log(run: str) -> Path:
    """Return the newest log of a work folder, or the file itself.

    Raises:
        InputError: There is no log.
    """
    path = Path(run)
    if path.is_file():
        return path
    logs = sorted(path.glob('*/vis_data/scalars.json'))
    if not logs:
        raise InputError(
            f'{run} is no log, and holds no */vis_data/scalars.json'
        )
    return logs[-1]


def read_curves(log: Path) -> dict[str, Curve]:
    """Read the curves of a log by key.

    A step is an iteration in training and an epoch in validation. Both log
    their times; those of validation are left out.

    Raises:
        InputError: A line is not JSON.
    """
    curves: dict[str, Curve] = {}
    for number, line in enumerate(log.read_text().splitlines(), 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f'{log}: line {number} is not JSON') from error
        left_out = {'step', 'epoch', 'iter'}
        if 'iter' not in record:
            left_out |= {'time', 'data_time'}
        for key in record.keys() - left_out:
            curves.setdefault(key, []).append((record['step'], record[key]))
    return dict(sorted(curves.items()))


def print_table(curves: dict[str, Curve]) -> None:
    """Print first, last, smallest and largest value of each curve."""
    width = max(len(key) for key in curves)
    columns = ['points', 'first', 'last', 'min', 'at', 'max', 'at']
    print(' ' * width, *(f'{column:>10}' for column in columns))
    for key, curve in curves.items():
        low = min(curve, key=lambda point: point[1])
        high = max(curve, key=lambda point: point[1])
        numbers = [curve[0][1], curve[-1][1], *low[::-1], *high[::-1]]
        cells = [f'{number:>10.5g}' for number in (len(curve), *numbers)]
        print(f'{key:{width}}', *cells)


def plot(runs: dict[str, dict[str, Curve]], file: str) -> None:
    """Draw one panel a key, with a line for each run."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    keys = list(dict.fromkeys(key for run in runs.values() for key in run))
    figure, axes = pyplot.subplots(
        len(keys), squeeze=False, figsize=(8, 3 * len(keys))
    )
    for key, axis in zip(keys, axes[:, 0]):
        for name, curves in runs.items():
            if key in curves:
                axis.plot(*zip(*curves[key]), label=name)
        axis.set_ylabel(key)
        axis.legend()
    axes[-1, 0].set_xlabel('step')
    figure.tight_layout()
    figure.savefig(file)


def main() -> None:
    """Print, and draw if asked."""
    args = parse_args()
    runs = {}
    for name in args.runs:
        curves = read_curves(find_log(name))
        keys = args.keys or curves.keys()
        missing = [key for key in keys if key not in curves]
        if missing:
            raise InputError(
                f'{name} has no {", ".join(missing)}; its keys: '
                f'{", ".join(curves)}'
            )
        runs[name] = {key: curves[key] for key in keys}
        print(name)
        print_table(runs[name])
    if args.plot:
        plot(runs, args.plot)
        print(f'drawn to {args.plot}')


if __name__ == '__main__':
    run_tool(main)
