"""Configs: reading them, and what they say of data sets and models."""

import copy
import difflib
from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmrs.errors import InputError


def load_config(path: str, options: dict | None = None) -> Config:
    """Read a config file and replace settings in it.

    Args:
        path: The file; `.py`, `.json` or `.yaml`.
        options: Values by dotted key, as ``--cfg-options`` gives them.

    Raises:
        InputError: The file is missing, cannot be parsed, needs a package
            that is not installed, or an option does not fit.
    """
    if not Path(path).is_file():
        raise InputError(
            f'config file {path} does not exist{_did_you_mean(path)}'
        )
    try:
        cfg = Config.fromfile(path)
    except ImportError as error:
        raise InputError(
            f'config file {path} needs a module that cannot be imported: '
            f'{_first_cause(error)}; `pip install "mmrs[all]"` brings the '
            'libraries of every method'
        ) from error
    except Exception as error:  # a config is code: it may raise anything
        raise InputError(
            f'config file {path} cannot be read: '
            f'{type(error).__name__}: {error}'
        ) from error
    try:
        cfg.merge_from_dict(options or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'--cfg-options do not fit {path}: {error}'
        ) from error
    return cfg


def _did_you_mean(path: str) -> str:
    """Name the config files whose name is nearest to that of ``path``."""
    found = {
        file.stem: file
        for file in Path('configs').rglob('*.py')
        if '_base_' not in file.parts
    }
    near = difflib.get_close_matches(Path(path).stem, found, n=2)
    if not near:
        return ''
    return '; did you mean ' + ' or '.join(str(found[stem]) for stem in near)


def _first_cause(error: BaseException) -> BaseException:
    """Return the exception at the start of a chain of re-raised ones."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def check_device(device: str | None) -> None:
    """Raise an InputError if ``device`` is a GPU that is not there."""
    import torch

    if device is None or not device.startswith('cuda'):
        return
    if not torch.cuda.is_available():
        raise InputError(
            f'device {device} was asked for, but PyTorch sees no GPU here; '
            'use cpu, or install a PyTorch built for CUDA'
        )
    index = torch.device(device).index or 0
    if index >= torch.cuda.device_count():
        raise InputError(
            f'device {device} was asked for, but there are only '
            f'{torch.cuda.device_count()} GPUs'
        )


def innermost(dataset: ConfigDict) -> ConfigDict:
    """Return the config of the data set inside any wrappers around it."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def model_config(cfg: Config) -> ConfigDict:
    """Copy the config of the model, with its preprocessor.

    Like MMEngine's Runner, this takes `data_preprocessor` of the whole config
    where the model has none of its own.
    """
    model = copy.deepcopy(cfg.model)
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return model
