"""The operators are tested on a CPU and, where there is one, on a GPU."""

import pytest


@pytest.fixture(params=['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def device(request) -> str:
    return request.param
