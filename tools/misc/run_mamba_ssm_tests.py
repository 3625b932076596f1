"""Run mamba-ssm's own tests of its scan on ours, on a CPU.

::

    git clone https://github.com/state-spaces/mamba
    python tools/misc/run_mamba_ssm_tests.py mamba

Takes the tests of the selective scan and of the single-step update as they
are, with 'cuda' changed to 'cpu', and puts the functions of
``mmrs.ops.selective_scan`` in the place of mamba-ssm's. The references that
they are compared with stay mamba-ssm's. The tests need einops and pytest.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool

# Test file: what it imports, and our function among that.
TESTS = {
    'tests/ops/test_selective_scan.py': (
        'mamba_ssm/ops/selective_scan_interface.py',
        'selective_scan_fn',
    ),
    'tests/ops/triton/test_selective_state_update.py': (
        'mamba_ssm/ops/triton/selective_state_update.py',
        'selective_state_update',
    ),
}
HEAD = """\
import torch
import torch.nn.functional as F
from einops import rearrange, repeat

from mmrs.ops.selective_scan import {function}

mamba_inner_fn = mamba_inner_ref = None  # not part of the scan
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('source', type=Path, help='source of mamba-ssm')
    parser.add_argument(
        '--backend', help='of the scan (default: the fastest on a CPU)'
    )
    parser.add_argument(
        '--all-dtypes',
        action='store_true',
        help='run the scan in fp16 and bf16, too; its tests leave them out',
    )
    return parser.parse_args()


def read(path: Path) -> str:
    """Read a file of mamba-ssm's source."""
    if not path.is_file():
        raise InputError(
            f'{path} does not exist; give the root of a checkout of '
            'github.com/state-spaces/mamba (releases lack the tests)'
        )
    return path.read_text()


def stand_in(source: str, function: str) -> str:
    """Write a module with our function and the reference of the source."""
    reference = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and node.name == function.removesuffix('_fn') + '_ref'
    )
    return HEAD.format(function=function) + ast.get_source_segment(
        source, reference
    )


def main() -> None:
    """Lay out the tests and the stand-ins in a folder, and run them."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, (module, function) in TESTS.items():
            test = re.sub(r"(['\"])cuda\1", "'cpu'", read(args.source / name))
            if args.all_dtypes:
                # Their list with all three types is a comment above it.
                test = re.sub(
                    r'# (@pytest.*float32, torch.float16, torch.bfloat16.*\n)'
                    r'@pytest.*itype.*\n',
                    r'\1',
                    test,
                )
            code = stand_in(read(args.source / module), function)
            for path, text in ((Path(name).name, test), (module, code)):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
        command = [
            *(sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider'),
            *('-k', 'not mamba_inner', str(root)),
        ]

        env = dict(os.environ, PYTHONPATH=str(root))
        if args.backend:
            env['MMRS_SCAN_BACKEND'] = args.backend
        sys.exit(subprocess.run(command, cwd=root, env=env).returncode)


if __name__ == '__main__':
    run_tool(main)
