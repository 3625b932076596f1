"""What networks that wrap an mmsegmentation segmentor share."""

from collections.abc import Iterator, Sequence

import torch
from mmseg.models import BaseSegmentor
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.registry import MODELS


class SegmentorWrapper(BaseSegmentor):
    """Base of segmentors that change how another one is trained.

    It predicts what the wrapped segmentor predicts.

    Args:
        segmentor: Config of any segmentor of mmsegmentation with decode
            heads, without a data preprocessor of its own.
        data_preprocessor: As of `mmengine.BaseModel`.
        init_cfg: Likewise.
    """

    def __init__(
        self,
        segmentor: dict,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.segmentor = MODELS.build(segmentor)

    @property
    def network(self) -> BaseSegmentor:
        """The segmentor that predicts."""
        return self.segmentor

    @property
    def decode_head(self) -> BaseDecodeHead:
        """Head of the segmentor that predicts."""
        return self.network.decode_head

    @property
    def test_cfg(self) -> dict:
        """How the segmentor tests: whole images, or windows."""
        return self.network.test_cfg

    @property
    def align_corners(self) -> bool:
        """As of the segmentor."""
        return self.network.align_corners

    @property
    def num_classes(self) -> int:
        """As of the segmentor."""
        return self.network.num_classes

    @property
    def out_channels(self) -> int:
        """As of the segmentor."""
        return self.network.out_channels

    def heads(self) -> Iterator[BaseDecodeHead]:
        """Yield the decode head and the auxiliary ones of the student."""
        yield self.segmentor.decode_head
        if self.segmentor.with_auxiliary_head:
            heads = self.segmentor.auxiliary_head
            yield from heads if isinstance(heads, nn.ModuleList) else [heads]

    def extract_feat(self, inputs: Tensor) -> Sequence[Tensor]:
        """Compute the features of images (B, C, H, W)."""
        return self.network.extract_feat(inputs)

    def encode_decode(
        self, inputs: Tensor, batch_img_metas: Sequence[dict]
    ) -> Tensor:
        """Compute class scores (B, classes, H, W) of images."""
        return self.network.encode_decode(inputs, batch_img_metas)

    def inference(
        self, inputs: Tensor, batch_img_metas: Sequence[dict]
    ) -> Tensor:
        """Compute class scores as `test_cfg` says."""
        return self.network.inference(inputs, batch_img_metas)

    def predict(
        self,
        inputs: Tensor,
        data_samples: Sequence[SegDataSample] | None = None,
    ) -> list[SegDataSample]:
        """Predict classes; see `mmseg.EncoderDecoder`."""
        return self.network.predict(inputs, data_samples)

    def _forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[SegDataSample] | None = None,
    ) -> Tensor:
        return self.network._forward(inputs, data_samples)


def stack_labels(
    samples: Sequence[SegDataSample], key: str = 'gt_sem_seg'
) -> Tensor:
    """Stack the label maps of a batch.

    Args:
        samples: Have `key`, (1, H, W) each.
        key: Which labels.

    Returns:
        (B, H, W), int64.

    Raises:
        InputError: A sample has none.
    """
    for sample in samples:
        if key not in sample:
            raise InputError(
                f'{sample.get("img_path", "an image")}: has no labels; load '
                "them with dict(type='LoadCloudMask') in train_pipeline"
            )
    return torch.cat([sample.get(key).data for sample in samples]).long()
