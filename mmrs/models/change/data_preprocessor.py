"""Brings batches of image pairs to the device, stacked and normalised."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmrs.errors import InputError
from mmrs.registry import MODELS
from mmrs.structures import ChangeDataSample

__all__ = ['ChangeDataPreprocessor']


@MODELS.register_module()
class ChangeDataPreprocessor(BaseDataPreprocessor):
    """Stack and normalise the images of both dates.

    Args:
        mean: Of each band, in the order of the images' bands and in the
            unit of their values (0 to 255 for 8-bit images).
        std: Likewise.
        mean_b: Of the later date; None: that of both is `mean`.
        std_b: Likewise.
        non_blocking: As of :class:`mmengine.model.BaseDataPreprocessor`.
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        mean_b: Sequence[float] | None = None,
        std_b: Sequence[float] | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        statistics = dict(
            mean_a=mean, std_a=std, mean_b=mean_b or mean, std_b=std_b or std
        )
        if len({len(values) for values in statistics.values()}) > 1:
            counts = {name: len(v) for name, v in statistics.items()}
            raise InputError(
                'data_preprocessor: mean and std of both dates must have one '
                f'value a band each, but they have {counts}'
            )
        for name, values in statistics.items():
            values = torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch.

        Args:
            data: ``inputs`` with ``img_a`` and ``img_b``, each a list of
                images (C, H, W) or a batch (B, C, H, W) of any dtype;
                ``data_samples`` where there are any.
            training: Makes no difference.

        Returns:
            The same with float32 batches (B, C, H, W).

        Raises:
            InputError: Images differ in size, or have another number of
                bands than `mean`.
        """
        data = self.cast_data(data)
        samples = data.get('data_samples')
        inputs = {
            key: self._batch(list(data['inputs'][key]), key, samples)
            for key in ('img_a', 'img_b')
        }
        return dict(inputs=inputs, data_samples=samples)

    def _batch(
        self,
        images: list[Tensor],
        key: str,
        samples: Sequence[ChangeDataSample] | None,
    ) -> Tensor:
        date = key[-1]
        mean = getattr(self, f'mean_{date}')
        std = getattr(self, f'std_{date}')
        for i, image in enumerate(images):
            if len(image) != len(mean):
                raise InputError(_band_message(image, mean, i, date, samples))
            if image.shape != images[0].shape:
                raise InputError(_size_message(images, i, date, samples))
        return (torch.stack(images).float() - mean) / std


def _name(
    index: int, date: str, samples: Sequence[ChangeDataSample] | None
) -> str:
    paths = samples[index].get('img_path') if samples else None
    return f'image {index} of the batch' if not paths else paths[date == 'b']


def _band_message(
    image: Tensor,
    mean: Tensor,
    index: int,
    date: str,
    samples: Sequence[ChangeDataSample] | None,
) -> str:
    return (
        f'{_name(index, date, samples)}: has {len(image)} band(s), but '
        f'data_preprocessor.mean has {len(mean)} values; give mean and std a '
        'value for each band and the backbone as many input channels, or '
        'choose bands, e.g. LoadImagePair(bands=(0, 1, 2))'
    )


def _size_message(
    images: list[Tensor],
    index: int,
    date: str,
    samples: Sequence[ChangeDataSample] | None,
) -> str:
    first, other = images[0].shape[1:], images[index].shape[1:]
    return (
        f'{_name(index, date, samples)}: is {other[1]} x {other[0]} px in the '
        f'batch, but {_name(0, date, samples)} is {first[1]} x {first[0]} px; '
        'bring all to one size in the pipeline, e.g. by dict(type='
        "'BiTemporal', transforms=[dict(type='Resize', scale=(256, 256))]), "
        'or set batch_size=1'
    )
