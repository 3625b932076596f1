"""Fabricated distributions."""

from collections.abc import Callable

import pytest


@pytest.fixture
def make_distribution(tmp_path) -> Callable[..., None]:
    """Fabricate the metadata of an installed distribution in ``tmp_path``."""

    def make(
        name: str, version: str, owns: str = '', requires: tuple[str, ...] = ()
    ) -> None:
        folder = tmp_path / f'{name.replace("-", "_")}-{version}.dist-info'
        folder.mkdir()
        lines = ['Metadata-Version: 2.1', f'Name: {name}']
        lines += [f'Version: {version}']
        lines += [f'Requires-Dist: {line}' for line in requires]
        (folder / 'METADATA').write_text('\n'.join(lines) + '\n')
        (folder / 'top_level.txt').write_text(owns)

    return make
