"""What the stand-in says of itself and of the operators it lacks."""

import pytest
import torch
from mmcv.ops import carafe

from mmrs.ops import mmcv_ext


def test_an_operator_that_is_not_provided_names_itself_and_the_way_out():
    with pytest.raises(mmcv_ext.OpNotProvided) as caught:
        mmcv_ext.psamask_forward(torch.zeros(1), psa_type=0)
    message = str(caught.value)
    assert '"psamask_forward" needs a compiled mmcv' in message.split('\n')[0]
    assert 'pip install --no-build-isolation' in message
    assert 'onedl-mmcv' in message
    assert 'torch 2.14' in message and '-std=c++20' in message


def test_the_error_reaches_callers_of_mmcv():
    features, masks = torch.zeros(1, 4, 8, 8), torch.zeros(1, 25, 16, 16)
    with pytest.raises(NotImplementedError, match='carafe_forward'):
        carafe(features, masks, 5, 1, 2)


def test_dunder_names_are_not_operators():
    with pytest.raises(AttributeError):
        mmcv_ext.__wrapped__  # noqa: B018


def test_versions_say_that_nothing_was_compiled():
    assert 'not compiled' in mmcv_ext.get_compiler_version()
    assert 'not compiled' in mmcv_ext.get_compiling_cuda_version()
