"""From a coarse image to finer ones of any size, georeferenced."""

import logging
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from mmrs.config import check_device, load_config, model_config
from mmrs.errors import InputError
from mmrs.models.metaearth.pipeline import MetaEarthPipeline
from mmrs.registry import INFERENCERS, MODELS
from mmrs.utils.checkpoint import load_weights, read_checkpoint

_DTYPES = dict(fp32=torch.float32, bf16=torch.bfloat16)


@INFERENCERS.register_module()
class MetaEarthInferencer:
    """Generates files with a trained MetaEarth.

    Example:
        >>> inferencer = MetaEarthInferencer('config.py', 'best.pth')
        >>> inferencer('256m.tif', '4m.tif', stages=3, seed=1)

    Args:
        model: A config of a :class:`~mmrs.models.metaearth.MetaEarth`, or a
            folder that its pipeline was saved to.
        weights: The checkpoint of a config.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU if there is one.
        dtype: Of the networks, ``'fp32'`` or ``'bf16'``.
        solver: ``'ddim'`` (the paper's), ``'dpm'`` (DPM-Solver++), or that of
            the model.
        compile: Compile the networks by ``torch.compile``.

    Raises:
        InputError: The model cannot be used.
    """

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
        dtype: str = 'fp32',
        solver: str | None = None,
        compile: bool = False,
    ) -> None:
        check_device(device)
        pipeline = _load(model, weights)
        if solver is not None:
            pipeline = pipeline.with_solver(solver)
        device = torch.device(device or get_device())
        pipeline.to(device)
        if dtype != 'fp32':
            pipeline.to(_DTYPES[dtype])
        if device.type == 'cuda':
            # The layout that convolutions of a GPU are fastest in.
            pipeline.unet.to(memory_format=torch.channels_last)
        if compile:
            pipeline.unet.compile()
            pipeline.lr_encoder.compile()
        self.pipeline = pipeline

    def __call__(self, src: str | Path, dst: str | Path, **settings) -> dict:
        """Generate a file from a file.

        Args:
            src: A GeoTIFF, PNG, JPEG or BMP.
            dst: A GeoTIFF or PNG.
            **settings: Of
                :meth:`~mmrs.models.metaearth.MetaEarthPipeline.to_geotiff`.

        Returns:
            What was written: see there.
        """
        return self.pipeline.to_geotiff(src, dst, **settings)


def _load(
    model: str | Path | Config, weights: str | Path | None
) -> MetaEarthPipeline:
    if not isinstance(model, Config) and Path(model).is_dir():
        return _load_folder(Path(model), weights)
    cfg = model if isinstance(model, Config) else load_config(str(model))
    init_default_scope(cfg.get('default_scope', 'mmrs'))
    built = MODELS.build(model_config(cfg))
    if not hasattr(built, 'to_pipeline'):
        raise InputError(
            f'the config is of a {type(built).__name__}; give one of a '
            'MetaEarth (configs/metaearth)'
        )
    if weights is None:
        built.init_weights()
        print_log(
            'no checkpoint was given: the model is used as it is built',
            'current',
            logging.WARNING,
        )
    else:
        load_weights(built, read_checkpoint(str(weights)), str(weights))
    return built.eval().to_pipeline()


def _load_folder(
    folder: Path, weights: str | Path | None
) -> MetaEarthPipeline:
    if weights is not None:
        raise InputError(
            f'{folder} has weights of its own; leave {weights} out, or give '
            'the config that it belongs to'
        )
    if not (folder / 'model_index.json').is_file():
        raise InputError(
            f'{folder}: has no model_index.json; give a folder that '
            'tools/metaearth/convert.py wrote'
        )
    return MetaEarthPipeline.from_pretrained(folder)
