r"""Print a config as a run would use it: bases merged, options applied.

::

    python tools/analysis_tools/print_config.py CONFIG
    python tools/analysis_tools/print_config.py CONFIG \
        --cfg-options model.neck.out_channels=64
"""

import argparse

from mmrs.config import load_config
from mmrs.utils.cli import add_config_arguments, run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Print."""
    args = parse_args()
    print(load_config(args.config, args.cfg_options).pretty_text)


if __name__ == '__main__':
    run_tool(main)
