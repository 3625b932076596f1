"""Check this installation of mmrs and its libraries.

Prints a line for each thing that is known to go wrong: pass, warn or fail,
and how to mend it. The exit status is 1 if any line is a fail.

    python tools/misc/check_env.py
"""

import argparse
import sys


def main() -> None:
    """Read the command line and print the report."""
    argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()

    from mmrs.stack.doctor import print_report

    sys.exit(min(1, print_report()))


if __name__ == '__main__':
    main()
