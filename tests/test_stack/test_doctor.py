"""The doctor, over fabricated installations and over the real one."""

import subprocess
import sys
from importlib import metadata

import pytest

from mmrs.stack import doctor
from mmrs.stack.doctor import FAIL, PASS, WARN, Finding


def by_subject(check, subject: str) -> Finding:
    (finding,) = [x for x in check() if x.subject == subject]
    return finding


@pytest.fixture
def fabricated(tmp_path, monkeypatch, make_distribution):
    """Distributions in front of the installed ones."""
    monkeypatch.syspath_prepend(tmp_path)
    return make_distribution


@pytest.fixture
def alone(monkeypatch, tmp_path, make_distribution):
    """Distributions instead of the installed ones."""
    real = metadata.distributions
    monkeypatch.setattr(
        metadata,
        'distributions',
        lambda **kwargs: real(path=[str(tmp_path)]),
    )
    return make_distribution


def test_a_library_out_of_range_is_named_with_the_range(fabricated):
    fabricated('numpy', '1.26.4')
    finding = by_subject(doctor.check_requirements, 'numpy')
    assert finding.status == FAIL
    assert finding.fact == '1.26.4, but mmrs needs >=2'
    assert finding.fix == 'pip install "numpy>=2"'


def test_a_missing_library_fails_unless_it_is_of_an_extra(fabricated):
    requires = ('no-such-lib>=3', 'no-such-extra>=1; extra == "geo"')
    fabricated('mmrs', '0.1.0', requires=requires)
    finding = by_subject(doctor.check_requirements, 'no-such-lib')
    assert (finding.status, finding.fact) == (FAIL, 'not installed')
    assert finding.fix == 'pip install "no-such-lib>=3"'
    subjects = [x.subject for x in doctor.check_requirements()]
    assert 'no-such-extra' not in subjects


def test_two_owners_of_a_folder_fail(alone):
    alone('onedl-mmcv', '2.3.6', owns='mmcv')
    alone('mmcv', '2.2.0', owns='mmcv')
    finding = by_subject(doctor.check_owners, 'mmcv folder')
    assert finding.status == FAIL
    assert finding.fact == 'onedl-mmcv and mmcv overwrite each other'
    assert finding.fix == (
        'pip uninstall -y mmcv && '
        'pip install --force-reinstall --no-deps onedl-mmcv'
    )


def test_the_wrong_owner_of_a_folder_fails(alone):
    alone('mmdet', '3.3.0', owns='mmdet')
    finding = by_subject(doctor.check_owners, 'mmdet folder')
    assert finding.status == FAIL
    assert finding.fact == 'owned by mmdet, which mmrs does not work with'
    assert finding.fix.endswith('onedl-mmdetection')


def test_a_folder_without_an_owner_is_warned_about(alone):
    finding = by_subject(doctor.check_owners, 'mmengine folder')
    assert finding.status == WARN
    assert 'belongs to no installed distribution' in finding.fact


def test_two_opencvs_are_warned_about(alone):
    alone('opencv-python', '4.12.0', owns='cv2')
    alone('opencv-python-headless', '4.12.0', owns='cv2')
    finding = by_subject(doctor.check_owners, 'cv2 folder')
    assert finding.status == WARN
    assert finding.fix.endswith('pip install opencv-python-headless')


def test_a_hub_outside_the_range_of_its_user_fails(fabricated):
    fabricated('huggingface-hub', '2.4.0')
    fabricated('transformers', '4.57.6', requires=('huggingface-hub<1.0',))
    findings = [x for x in doctor.check_hub() if 'transformers' in x.fact]
    assert [x.status for x in findings] == [FAIL]
    assert findings[0].fact == '2.4.0, but transformers needs <1.0'
    assert 'pip install -U huggingface-hub transformers' in findings[0].fix


def test_mamba_without_kernels_is_warned_about(fabricated):
    assert by_subject(doctor.check_mamba, 'mamba-ssm').status == PASS
    fabricated('mamba-ssm', '2.3.2')
    finding = by_subject(doctor.check_mamba, 'mamba-ssm')
    assert finding.status == WARN
    assert 'without its CUDA kernels' in finding.fact


@pytest.mark.parametrize(
    ('built', 'wanted', 'status'),
    [
        ('12.8', '12.9', PASS),
        ('not available', None, PASS),
        ('not available', '13.0', WARN),
        ('11.8', '13.0', FAIL),
    ],
)
def test_cuda_of_mmcv_and_torch(built, wanted, status):
    assert doctor.compare_cuda(built, wanted).status == status


def test_an_extension_for_another_torch_fails(tmp_path, run_python):
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / '_ext.py').write_text('raise ImportError("undefined symbol")')
    printed, _ = run_python(
        'import mmrs\n'
        'from mmrs.stack import doctor\n'
        'for x in doctor.check_operators():\n'
        '    print(x.status, x.fact, x.fix)',
        path=tmp_path,
    )
    assert printed.startswith(
        'fail compiled for another torch: undefined symbol compile it again'
    )


def test_a_broken_check_is_a_finding(monkeypatch, capsys):
    def check_something():
        yield Finding(PASS, 'first', 'fine')
        raise OSError('no such disk')

    monkeypatch.setattr(doctor, 'CHECKS', (check_something,))
    assert doctor.print_report() == 1
    printed = capsys.readouterr().out
    assert 'pass  first: fine\n' in printed
    assert 'fail  something: OSError: no such disk\n' in printed
    assert 'fix: mend what the message names\n' in printed


def test_checkpoint_and_rasters_pass_here():
    (finding,) = doctor.check_checkpoint()
    assert finding.status == PASS
    pytest.importorskip('rasterio')
    (finding,) = doctor.check_rasters()
    assert finding.status == PASS


def test_a_missing_rasterio_fails(monkeypatch):
    monkeypatch.setattr(doctor.stack, 'installed_version', lambda name: None)
    (finding,) = doctor.check_rasters()
    assert (finding.status, finding.fix) == (
        FAIL, 'pip install --force-reinstall rasterio',
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_covers_every_check(repo_root):
    done = subprocess.run(
        [sys.executable, repo_root / 'tools' / 'misc' / 'check_env.py'],
        capture_output=True,
        text=True,
    )
    statuses = {
        line.split()[1].rstrip(':'): line.split()[0]
        for line in done.stdout.splitlines()
        if line[:4] in (PASS, WARN, FAIL)
    }
    subjects = {
        'python', 'torch', 'numpy', 'gpu', 'mmcv', 'cv2', 'transformers',
        'huggingface-hub', 'mamba-ssm', 'rasterio', 'checkpoint', 'import',
    }  # fmt: skip
    assert subjects <= set(statuses)
    assert done.returncode == int(FAIL in statuses.values()), done.stdout
    assert 'mmengine - WARNING' not in done.stdout


def test_help_is_quick(repo_root):
    tool = repo_root / 'tools' / 'misc' / 'check_env.py'
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', tool, '--help'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'exit status is 1 if any line is a fail' in done.stdout
    assert 'torch' not in done.stderr and 'rich' not in done.stderr
