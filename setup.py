"""Package metadata that is read from files; the rest is in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def read_version() -> str:
    """Return ``__version__`` of ``mmrs/version.py`` without importing."""
    scope: dict = {}
    exec((ROOT / 'mmrs' / 'version.py').read_text(), scope)
    return scope['__version__']


def read_requirements(name: str) -> dict[str, list[str]]:
    """Read ``requirements/NAME.txt``, grouped by its ``[heading]`` lines.

    Lines above the first heading are in the group ``''``.
    """
    groups: dict[str, list[str]] = {'': []}
    heading = ''
    path = ROOT / 'requirements' / f'{name}.txt'
    for line in path.read_text().splitlines():
        line = line.split('#')[0].strip()
        if line.startswith('['):
            heading = line.strip('[]')
            groups[heading] = []
        elif line:
            groups[heading].append(line)
    return groups


extras = read_requirements('optional')
extras.pop('')
extras['all'] = sorted({line for lines in extras.values() for line in lines})
extras['tests'] = read_requirements('tests')['']

setup(
    version=read_version(),
    packages=find_packages(include=['mmrs', 'mmrs.*']),
    install_requires=read_requirements('runtime')[''],
    extras_require=extras,
)
