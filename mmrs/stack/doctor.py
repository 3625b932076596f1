"""Checks an installation, and says how to mend what it finds.

Each ``check_*`` function looks at one thing that is known to go wrong and
yields a :class:`Finding` per line of the report. ``CHECKS`` lists them in the
order of the report.
"""

import importlib
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from rich.console import Console
from rich.text import Text

from mmrs.stack import imports as stack

PASS, WARN, FAIL = 'pass', 'warn', 'fail'
_STYLES = {PASS: 'green', WARN: 'yellow', FAIL: 'bold red'}

# Folders whose packages are imported whole.
_PACKAGES = ('mmcv.ops', 'mmpretrain.models', 'mmseg.models', 'mmdet.models')
# They ask for the same hub library, in ranges that need not meet.
_HUB_USERS = ('transformers', 'diffusers', 'peft')

# Build isolation hides torch from mmcv, which then leaves its operators out.
_BARE_MMCV = (
    'pip install --force-reinstall --no-deps --no-cache-dir onedl-mmcv'
)


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        status: ``pass``, ``warn`` (works, with a drawback) or ``fail``.
        subject: What was looked at.
        fact: What was found.
        fix: What to do about it; empty for ``pass``.
    """

    status: str
    subject: str
    fact: str
    fix: str = ''


def diagnose() -> Iterator[Finding]:
    """Run all checks; one that breaks is a finding too."""
    for check in CHECKS:
        try:
            yield from check()
        except Exception as error:
            subject = check.__name__.removeprefix('check_')
            fact = f'{type(error).__name__}: {error}'
            yield Finding(FAIL, subject, fact, 'mend what the message names')


def print_report() -> int:
    """Print the findings as they come; return how many are failures."""
    console = Console(highlight=False, soft_wrap=True)
    failures = 0
    for finding in diagnose():
        console.print(
            Text(finding.status, _STYLES[finding.status]),
            Text(f'{finding.subject}: {finding.fact}'),
            sep='  ',
        )
        if finding.fix:
            console.print(Text(f'      fix: {finding.fix}'))
        failures += finding.status == FAIL
    return failures


def check_requirements() -> Iterator[Finding]:
    """Versions of Python and of the libraries that mmrs declares."""
    yield Finding(PASS, 'python', platform.python_version())
    requirements: dict[str, Requirement] = {}
    for line in metadata.requires('mmrs'):
        # Those of all installations come first, then those of the extras.
        requirements.setdefault(line.split(';')[0], Requirement(line))
    for requirement in requirements.values():
        optional = requirement.marker is not None
        requirement.marker = None
        version = stack.installed_version(requirement.name)
        fix = f'pip install "{requirement}"'
        if version is None:
            if not optional:
                yield Finding(FAIL, requirement.name, 'not installed', fix)
        elif version not in requirement.specifier:
            fact = f'{version}, but mmrs needs {requirement.specifier}'
            yield Finding(FAIL, requirement.name, fact, fix)
        else:
            yield Finding(PASS, requirement.name, version)


def check_gpu() -> Iterator[Finding]:
    """Whether torch and the driver see each other."""
    import torch

    if torch.cuda.is_available():
        name, cuda = torch.cuda.get_device_name(), torch.version.cuda
        yield Finding(PASS, 'gpu', f'{name}, torch built for CUDA {cuda}')
    elif shutil.which('nvidia-smi') is None:
        yield Finding(PASS, 'gpu', 'no NVIDIA driver; mmrs runs on the CPU')
    elif torch.version.cuda is None:
        yield Finding(
            WARN,
            'gpu',
            'there is an NVIDIA driver, but torch is built for CPUs only',
            'install a CUDA build of torch and torchvision',
        )
    else:
        yield Finding(
            WARN,
            'gpu',
            f'torch is built for CUDA {torch.version.cuda}, and the NVIDIA '
            'driver does not serve it',
            'update the driver, or install torch for the CUDA version that '
            'nvidia-smi shows',
        )


def check_owners() -> Iterator[Finding]:
    """One distribution for each OpenMMLab folder, and for ``cv2``."""
    owners = metadata.packages_distributions()
    for folder in stack.FOLDER_OWNERS:
        yield from _check_owner(folder, set(owners.get(folder, [])))
    opencv = sorted(set(owners.get('cv2', [])))
    if len(opencv) > 1:
        yield Finding(
            WARN,
            'cv2 folder',
            f'{" and ".join(opencv)} overwrite each other',
            f'pip uninstall -y {" ".join(opencv)} && '
            'pip install opencv-python-headless',
        )
    elif opencv:
        yield Finding(PASS, 'cv2 folder', f'owned by {opencv[0]} alone')


def _check_owner(folder: str, owners: set[str]) -> Iterator[Finding]:
    needed, subject = stack.FOLDER_OWNERS[folder][0], f'{folder} folder'
    if owners == {needed}:
        yield Finding(PASS, subject, f'owned by {needed} alone')
    elif len(owners) > 1:
        others = sorted(owners - {needed})
        fact = f'{" and ".join([needed, *others])} overwrite each other'
        yield Finding(FAIL, subject, fact, stack.owner_fix(folder, others))
    elif owners:
        (other,) = owners
        fact = f'owned by {other}, which mmrs does not work with'
        yield Finding(FAIL, subject, fact, stack.owner_fix(folder, [other]))
    elif find_spec(folder):
        path = find_spec(folder).origin
        fact = f'{path} belongs to no installed distribution'
        fix = f'take it off PYTHONPATH and pip install {needed}'
        yield Finding(WARN, subject, fact, fix)


def check_operators() -> Iterator[Finding]:
    """Where ``mmcv._ext`` comes from, and whether its CUDA fits torch's."""
    import torch

    # Unlike the import of mmcv._ext, this does not fail where it is broken.
    spec = find_spec('mmcv._ext')
    if spec.origin == stack.STAND_IN_ORIGIN:
        yield Finding(
            PASS,
            'mmcv operators',
            'not compiled; mmrs provides those that its methods use',
        )
        yield Finding(PASS, 'mmcv cuda', "the stand-in runs on torch's own")
        return
    try:
        extension = importlib.import_module('mmcv._ext')
    except ImportError as error:
        yield Finding(
            FAIL,
            'mmcv operators',
            f'compiled for another torch: {error}',
            f'compile it again, or leave its operators to mmrs: {_BARE_MMCV}',
        )
        return
    yield Finding(PASS, 'mmcv operators', f'compiled, {spec.origin}')
    built = extension.get_compiling_cuda_version()
    yield compare_cuda(built, torch.version.cuda)


def compare_cuda(built: str, wanted: str | None) -> Finding:
    """Compare the CUDA version of mmcv's operators with that of torch.

    Args:
        built: What mmcv was compiled with: a number such as ``12.9``, or
            ``not available``.
        wanted: What torch was compiled with; None means without CUDA.
    """
    subject = 'mmcv cuda'
    if wanted is None:
        return Finding(PASS, subject, 'torch is built without CUDA')
    fix = f'compile mmcv again, or leave its operators to mmrs: {_BARE_MMCV}'
    if not built[0].isdigit():
        fact = f'mmcv was compiled without CUDA, torch with {wanted}'
        return Finding(WARN, subject, fact, fix)
    if built.split('.')[0] != wanted.split('.')[0]:
        fact = f'mmcv was compiled with {built}, torch with {wanted}'
        return Finding(FAIL, subject, fact, fix)
    return Finding(PASS, subject, f'{built}, torch has {wanted}')


def check_transformers() -> Iterator[Finding]:
    """The major version of transformers beside mmpretrain."""
    version = stack.installed_version('transformers')
    if version is None:
        yield Finding(PASS, 'transformers', 'not installed; optional')
    elif find_spec('mmpretrain') and stack.multimodal_breaks():
        fact = f"{version}; mmpretrain's language models are left out"
        yield Finding(PASS, 'transformers', fact)
    else:
        yield Finding(PASS, 'transformers', version)


def check_hub() -> Iterator[Finding]:
    """The hub library, against what each of its users asks for."""
    hub = stack.installed_version('huggingface-hub')
    users = [name for name in _HUB_USERS if stack.installed_version(name)]
    for user in users:
        wanted = _hub_range(user)
        if hub is None or hub not in wanted.specifier:
            yield Finding(
                FAIL,
                'huggingface-hub',
                f'{hub or "not installed"}, but {user} needs '
                f'{wanted.specifier}',
                f'pip install -U huggingface-hub {" ".join(users)}',
            )
        else:
            fact = f'{hub}, {user} takes {wanted.specifier}'
            yield Finding(PASS, 'huggingface-hub', fact)
    if not users:
        yield Finding(PASS, 'huggingface-hub', 'no library that needs it')


def _hub_range(user: str) -> Requirement:
    requirements = map(Requirement, metadata.requires(user))
    return next(
        requirement
        for requirement in requirements
        if requirement.name.replace('_', '-') == 'huggingface-hub'
        and requirement.marker is None
    )


def check_mamba() -> Iterator[Finding]:
    """Whether mamba-ssm, where installed, came with its CUDA kernels."""
    version = stack.installed_version('mamba-ssm')
    if version is None:
        yield Finding(PASS, 'mamba-ssm', 'not installed; optional')
    elif find_spec('selective_scan_cuda'):
        yield Finding(PASS, 'mamba-ssm', f'{version} with CUDA kernels')
    else:
        yield Finding(
            WARN,
            'mamba-ssm',
            f'{version} without its CUDA kernels, so that it cannot be used',
            'pip uninstall -y mamba-ssm (mmrs does without), or install it '
            'from a machine with nvcc',
        )


def check_rasters() -> Iterator[Finding]:
    """Write a GeoTIFF and read it back through rasterio and GDAL."""
    import tempfile

    import numpy as np

    from mmrs.geo.georeference import Georeference
    from mmrs.geo.source import open_source
    from mmrs.geo.writer import RasterTarget, write_raster

    version = stack.installed_version('rasterio')
    fix = 'pip install --force-reinstall rasterio'
    if version is None:
        yield Finding(
            FAIL, 'rasterio', 'not installed: no raster in or out', fix
        )
        return
    image = np.arange(24, dtype=np.uint16).reshape(6, 2, 2)
    place = Georeference.named('EPSG:32633', (10, 0, 5e5, 0, -10, 4e6))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'a.tif'
        target = RasterTarget((2, 2), 6, np.uint16, place)
        write_raster(path, [(image, None)], target)
        source = open_source(path)
        pixels, _ = source.read_all()
    same = (np.moveaxis(pixels, 2, 0) == image).all() and source.place == place
    if same:
        yield Finding(PASS, 'rasterio', version)
    else:
        fact = f'{version} changes a GeoTIFF it writes'
        yield Finding(FAIL, 'rasterio', fact, fix)


def check_checkpoint() -> Iterator[Finding]:
    """Write a checkpoint and load it with ``weights_only=True``."""
    import torch

    state = torch.nn.Linear(2, 3).state_dict()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'epoch_1.pth'
        torch.save({'meta': {'epoch': 1}, 'state_dict': state}, path)
        loaded = torch.load(path, weights_only=True)['state_dict']
    if all(torch.equal(loaded[name], state[name]) for name in state):
        yield Finding(PASS, 'checkpoint', 'loads with weights_only=True')
    else:
        fix = 'pip install --force-reinstall torch'
        yield Finding(FAIL, 'checkpoint', 'comes back changed', fix)


def check_imports() -> Iterator[Finding]:
    """Import the OpenMMLab packages that are installed."""
    for name in _PACKAGES:
        if find_spec(name.split('.')[0]) is None:
            continue
        try:
            importlib.import_module(name)
        except Exception as error:
            needed = stack.FOLDER_OWNERS[name.split('.')[0]][0]
            yield Finding(
                FAIL,
                f'import {name}',
                f'{type(error).__name__}: {error}',
                f'pip install --force-reinstall {needed}',
            )
        else:
            yield Finding(PASS, f'import {name}', 'works')


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_requirements,
    check_gpu,
    check_owners,
    check_operators,
    check_transformers,
    check_hub,
    check_mamba,
    check_rasters,
    check_checkpoint,
    check_imports,
)
