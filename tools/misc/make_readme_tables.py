"""Write the result tables of a method's README from its metafile.

::

    python tools/misc/make_readme_tables.py configs/rsprompter

Reads ``metafile.yml`` of the folder and replaces what stands between the two
marks in its ``README.md``: one table a data set, one row a config.
"""

import argparse
from itertools import groupby
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

BEGIN, END = '<!-- tables: begin -->', '<!-- tables: end -->'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('folder', type=Path, help='configs of a method')
    return parser.parse_args()


def tables(metafile: dict) -> str:
    """Draw the tables of a metafile in Markdown.

    The figures of all models are those of the first one that has any.
    """
    models = metafile['Models']
    scored = (m[key] for m in models for key in ('Paper', 'Results') if m[key])
    names = list(next(scored, {}))
    title = ' / '.join(names)
    head = (
        f'| config | trained / all parameters | paper: {title} | '
        f'ours: {title} | weights |\n| --- | --- | --- | --- | --- |'
    )
    parts = []
    for data, group in groupby(
        models, lambda model: model['Metadata']['Dataset']
    ):
        rows = [_row(model, names) for model in group]
        parts.append('\n'.join([f'### {data}', '', head, *rows]))
    return '\n\n'.join(parts)


def _row(model: dict, names: list[str]) -> str:
    total = model['Metadata']['Parameters'] / 1e6
    trained = model['Metadata']['Trainable Parameters'] / 1e6
    cells = [
        f'[{model["Name"]}]({Path(model["Config"]).name})',
        f'{trained:.1f} / {total:.1f} M',
        _scores(model['Paper'], names),
        _scores(model['Results'], names),
        f'[file]({model["Weights"]})' if model['Weights'] else 'none',
    ]
    return f'| {" | ".join(cells)} |'


def _scores(scores: dict | None, names: list[str]) -> str:
    if not scores:
        return '–'
    return ' / '.join(str(scores[name]) for name in names)


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
