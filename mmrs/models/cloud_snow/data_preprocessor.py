"""Brings batches of images of any number of bands to the device."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmrs.errors import InputError
from mmrs.registry import MODELS

__all__ = ['MultiBandDataPreprocessor']


@MODELS.register_module()
class MultiBandDataPreprocessor(SegDataPreProcessor):
    """Normalise and stack images of n bands, and pad them and their labels.

    mmsegmentation's takes one or three bands. The order of the bands stays
    as it is. Padding is at the right and the bottom: the mean in images,
    `seg_pad_val` in labels and in `gt_true_seg_map`, where samples have it.

    Args:
        mean: Of each band, in the unit of the pipeline's images. None: the
            pipeline has normalised them.
        std: Likewise.
        size: Height and width in pixels that batches are padded to in
            training.
        size_divisor: In place of `size`: height and width become multiples of
            it. Without either, training batches are padded to their largest
            image.
        seg_pad_val: Label of padding.
        test_cfg: `size` or `size_divisor` for testing. None: no padding.

    Raises:
        InputError: `mean` and `std` are not of one value a band each.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        size: tuple[int, int] | None = None,
        size_divisor: int | None = None,
        seg_pad_val: int = 255,
        test_cfg: dict | None = None,
    ) -> None:
        if size is None and size_divisor is None:
            size_divisor = 1
        super().__init__(
            size=size,
            size_divisor=size_divisor,
            seg_pad_val=seg_pad_val,
            test_cfg=test_cfg,
        )
        if len(mean or ()) != len(std or ()):
            raise InputError(
                f'data_preprocessor: mean has {len(mean or ())} values and '
                f'std {len(std or ())}; give both one a band'
            )
        self.num_bands = len(mean) if mean else None
        for name, values in (
            ('band_mean', mean or [0]),
            ('band_std', std or [1]),
        ):
            values = torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch.

        Args:
            data: ``inputs``: images (C, H, W) of any dtype, as a list or a
                batch; ``data_samples``, which testing can do without.
            training: Pad, and pad the labels alike.

        Returns:
            ``inputs`` (B, C, H, W) float32 and ``data_samples``.

        Raises:
            InputError: An image has another number of bands than `mean`.
        """
        data = self.cast_data(data)
        samples = data.get('data_samples')
        images = [
            self._normalize(image, i, samples)
            for i, image in enumerate(data['inputs'])
        ]
        batch = super().forward(
            dict(inputs=images, data_samples=samples), training
        )
        if training:
            for sample in batch['data_samples']:
                self._pad_true_labels(sample)
        return batch

    def _normalize(
        self, image: Tensor, index: int, samples: Sequence | None
    ) -> Tensor:
        if self.num_bands not in (None, len(image)):
            name = samples[index].get('img_path') if samples else None
            raise InputError(
                f'{name or f"image {index} of the batch"}: has {len(image)} '
                f'band(s), but data_preprocessor.mean has {self.num_bands} '
                'values; give mean and std one a band and the backbone as '
                'many input channels, or choose bands in the data set'
            )
        return (image.float() - self.band_mean) / self.band_std

    def _pad_true_labels(self, sample: SegDataSample) -> None:
        if 'gt_true_seg_map' not in sample:
            return
        labels = sample.gt_true_seg_map.data
        # PixelData refuses another size while it holds the old data.
        del sample.gt_true_seg_map.data
        sample.gt_true_seg_map.data = F.pad(
            labels, sample.padding_size, value=self.seg_pad_val
        )
