import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = sorted(
    str(path)
    for path in (ROOT / 'tools').rglob('*.py')
    if "__name__ == '__main__'" in path.read_text()
)

HELP = """
import os, runpy, sys
tool = sys.argv[1]
sys.path.insert(0, os.path.dirname(tool))
sys.argv = [tool, '--help']
try:
    runpy.run_path(tool, run_name='__main__')
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {'torch', 'cv2', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain', 'rasterio'}
assert not heavy & set(sys.modules)
"""


@pytest.mark.parametrize('tool', TOOLS, ids=lambda tool: Path(tool).stem)
def test_help_is_given_without_importing_heavy_libraries(tool):
    done = subprocess.run(
        [sys.executable, '-c', HELP, tool],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert 'usage:' in done.stdout
