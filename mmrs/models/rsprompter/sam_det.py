"""SAM-det: boxes of a detector as prompts for a frozen SAM."""

from mmdet.models import BaseDetector
from mmdet.structures import OptSampleList, SampleList
from mmengine.structures import InstanceData
from torch import Tensor

from mmrs.models.sam import freeze
from mmrs.registry import MODELS

from .masks import binary_masks


@MODELS.register_module()
class SAMDet(BaseDetector):
    """A detector, trained, and a whole SAM, frozen.

    Args:
        detector: Config of the detector.
        segmentor: Config of `RSSamModel`.
        use_gt_boxes: At test, prompt with the annotated boxes rather than
            the detected ones: the upper bound of the paper's ablation. Needs
            annotations in the test pipeline.
        data_preprocessor: As of `mmengine.BaseModel`.
        init_cfg: As of `mmengine.BaseModel`.
    """

    def __init__(
        self,
        detector: dict,
        segmentor: dict,
        use_gt_boxes: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.detector = MODELS.build(detector)
        self.segmentor = MODELS.build(segmentor)
        self.use_gt_boxes = use_gt_boxes
        freeze(self.segmentor)

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Features of the detector."""
        return self.detector.extract_feat(batch_inputs)

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> tuple:
        """Raw outputs of the detector."""
        return self.detector._forward(batch_inputs, batch_data_samples)

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Losses of the detector; SAM is not trained."""
        return self.detector.loss(batch_inputs, batch_data_samples)

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: SampleList,
        rescale: bool = True,
    ) -> SampleList:
        """Detect, then add ``masks`` to the instances of every image.

        Args:
            batch_inputs: (B, 3, H, W).
            batch_data_samples: Meta information, and with `use_gt_boxes` the
                annotations, in pixels of the original image.
            rescale: Return boxes and masks of the original image.
        """
        if self.use_gt_boxes:
            for sample in batch_data_samples:
                sample.pred_instances = _as_predictions(sample, rescale)
        else:
            batch_data_samples = self.detector.predict(
                batch_inputs, batch_data_samples, rescale=rescale
            )
        boxes = []
        for sample in batch_data_samples:
            box = sample.pred_instances.bboxes
            scale = box.new_tensor(sample.scale_factor).repeat(2)
            boxes.append(box * scale if rescale else box)
        logits = self.segmentor.predict_boxes(batch_inputs, boxes)
        for sample, masks in zip(batch_data_samples, logits):
            sample.pred_instances.masks = binary_masks(
                masks, sample.metainfo, 0.0, rescale
            )
        return batch_data_samples


def _as_predictions(sample, rescale: bool) -> InstanceData:
    """Annotated boxes as predictions of score 1."""
    truth = sample.gt_instances
    boxes = truth.bboxes
    if not rescale:
        boxes = boxes * boxes.new_tensor(sample.scale_factor).repeat(2)
    return InstanceData(
        bboxes=boxes,
        labels=truth.labels,
        scores=boxes.new_ones(len(boxes)),
    )
