"""Write the result tables of a method's README from its metafile.

::

    python tools/misc/make_readme_tables.py configs/rsprompter

Reads ``metafile.yml`` of the folder and replaces what stands between the two
marks in its ``README.md``: one table a data set, one row a config.
"""

import argparse
from itertools import groupby
from pathlib import Path

from mmrs.utils.cli import run_tool
from mmrs.utils.errors import InputError

BEGIN, END = '<!-- tables: begin -->', '<!-- tables: end -->'
HEAD = """\
| config | trained / all parameters | paper: box / mask AP | \
ours: box / mask AP | weights |
| --- | --- | --- | --- | --- |"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('folder', type=Path, help='configs of a method')
    return parser.parse_args()


def tables(metafile: dict) -> str:
    """Draw the tables of a metafile in Markdown."""
    parts = []
    for data, models in groupby(
        metafile['Models'], lambda model: model['Metadata']['Dataset']
    ):
        parts.append('\n'.join([f'### {data}', '', HEAD, *map(_row, models)]))
    return '\n\n'.join(parts)


def _row(model: dict) -> str:
    total = model['Metadata']['Parameters'] / 1e6
    trained = model['Metadata']['Trainable Parameters'] / 1e6
    cells = [
        f'[{model["Name"]}]({Path(model["Config"]).name})',
        f'{trained:.1f} / {total:.1f} M',
        _scores(model['Paper']),
        _scores(model['Results']),
        f'[file]({model["Weights"]})' if model['Weights'] else 'none',
    ]
    return f'| {" | ".join(cells)} |'


def _scores(scores: dict | None) -> str:
    return f'{scores["box AP"]} / {scores["mask AP"]}' if scores else '–'


def fill(readme: str, text: str) -> str:
    """Replace what stands between the marks of a README."""
    if BEGIN not in readme or END not in readme:
        raise InputError(f'the README lacks the marks {BEGIN} and {END}')
    before, _, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2]
    return f'{before}{BEGIN}\n\n{text}\n\n{END}{after}'


def main() -> None:
    """Write the tables."""
    args = parse_args()

    import yaml

    readme = args.folder / 'README.md'
    metafile = yaml.safe_load((args.folder / 'metafile.yml').read_text())
    readme.write_text(fill(readme.read_text(), tables(metafile)))


if __name__ == '__main__':
    run_tool(main)
