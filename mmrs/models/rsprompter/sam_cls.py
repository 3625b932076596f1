"""SAM-cls: SAM draws every mask it sees, a classifier names them.

Paper: RSPrompter, arXiv 2306.16269. Not in the authors'
release: the grid, the crops and the classifier are the paper's; the score
(class probability times SAM's estimate of the IoU) is ours.
"""

import torch
import torch.nn.functional as F
from mmdet.models import BaseDetector
from mmdet.structures import OptSampleList, SampleList
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torchvision.ops import roi_align
from torchvision.transforms.functional import gaussian_blur

from mmrs.models.sam import freeze
from mmrs.registry import MODELS

from .masks import binary_masks, resized_shape


@MODELS.register_module()
class SAMCls(BaseDetector):
    """A whole SAM, frozen, and a classifier of crops, trained.

    Args:
        segmentor: Config of `RSSamModel`.
        backbone: Config of the classifier's backbone; its last output is
            pooled.
        feat_channels: Channels of that output.
        num_classes: Number of classes.
        points_per_side: Points of the grid that prompts SAM, a side.
        crop_size: Side of a crop in pixels.
        enlarge: Crops are the box of the mask enlarged by this factor.
        score_thr: Masks below this score are dropped.
        max_per_image: At most so many masks are kept.
        data_preprocessor: As of `mmengine.BaseModel`.
        init_cfg: As of `mmengine.BaseModel`.
    """

    def __init__(
        self,
        segmentor: dict,
        backbone: dict,
        feat_channels: int,
        num_classes: int,
        points_per_side: int = 32,
        crop_size: int = 224,
        enlarge: float = 2.0,
        score_thr: float = 0.05,
        max_per_image: int = 100,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.segmentor = MODELS.build(segmentor)
        freeze(self.segmentor)
        self.backbone = MODELS.build(backbone)
        self.fc = nn.Linear(feat_channels, num_classes)
        self.points_per_side = points_per_side
        self.crop_size = crop_size
        self.enlarge = enlarge
        self.score_thr = score_thr
        self.max_per_image = max_per_image

    def extract_feat(self, batch_inputs: Tensor) -> Tensor:
        """Pooled features (N, C) of crops (N, 3, crop_size, crop_size)."""
        return self.backbone(batch_inputs)[-1].mean(dim=(2, 3))

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> Tensor:
        """Class scores (N, num_classes) of crops."""
        return self.fc(self.extract_feat(batch_inputs))

    def crop(self, image: Tensor, masks: Tensor, boxes: Tensor) -> Tensor:
        """Cut out masks with their surroundings blurred.

        Args:
            image: (3, H, W).
            masks: (N, H, W) of 0. and 1.
            boxes: Of the masks (N, 4): x1, y1, x2, y2.

        Returns:
            (N, 3, crop_size, crop_size).
        """
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        half = (boxes[:, 2:] - boxes[:, :2]) / 2 * self.enlarge
        boxes = torch.cat([centres - half, centres + half], dim=1)
        size = (self.crop_size, self.crop_size)
        blurred = gaussian_blur(image, kernel_size=21)
        sharp, blurred = (
            roi_align(x[None], [boxes], size, aligned=True)
            for x in (image, blurred)
        )
        ids = torch.arange(len(masks), device=masks.device, dtype=boxes.dtype)
        inside = roi_align(
            masks[:, None],
            torch.cat([ids[:, None], boxes], 1),
            size,
            aligned=True,
        )
        return inside * sharp + (1 - inside) * blurred

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Cross entropy of the classes of the annotated objects."""
        crops, labels = [], []
        for image, sample in zip(batch_inputs, batch_data_samples):
            truth = sample.gt_instances
            masks = truth.masks.to_tensor(image.dtype, image.device)
            crops.append(self.crop(image, masks, truth.bboxes))
            labels.append(truth.labels)
        labels = torch.cat(labels)
        if len(labels) == 0:
            return dict(loss_cls=0 * self.fc.weight.sum())
        scores = self._forward(torch.cat(crops))
        return dict(loss_cls=F.cross_entropy(scores, labels))

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: SampleList,
        rescale: bool = True,
    ) -> SampleList:
        """Draw, name and rank the masks of every image."""
        for image, sample in zip(batch_inputs, batch_data_samples):
            sample.pred_instances = self.predict_image(
                image, sample.metainfo, rescale
            )
        return batch_data_samples

    def predict_image(
        self, image: Tensor, img_meta: dict, rescale: bool
    ) -> InstanceData:
        """Draw, name and rank the masks of one padded image (3, H, W)."""
        height, width = resized_shape(img_meta)
        pixels = (
            image * self.data_preprocessor.std + self.data_preprocessor.mean
        )
        pixels = pixels[:, :height, :width].round().clamp(0, 255).byte()
        found = self.segmentor.generate(
            pixels.permute(1, 2, 0).cpu().numpy(),
            points_per_side=self.points_per_side,
        )
        masks = image.new_zeros((len(found), *image.shape[-2:]))
        boxes = image.new_zeros((len(found), 4))
        for i, record in enumerate(found):
            segmentation = torch.from_numpy(record['segmentation'])
            masks[i, :height, :width] = segmentation.to(masks)
            x, y, w, h = record['bbox']
            boxes[i] = boxes.new_tensor([x, y, x + w, y + h])
        ious = image.new_tensor([record['predicted_iou'] for record in found])
        labels = torch.zeros(0, dtype=torch.long, device=image.device)
        scores = ious
        if len(found):
            logits = self._forward(self.crop(image, masks, boxes))
            probabilities, labels = logits.softmax(dim=1).max(dim=1)
            scores = probabilities * ious.clamp(0, 1)
        keep = scores.argsort(descending=True)[: self.max_per_image]
        keep = keep[scores[keep] >= self.score_thr]
        if rescale:
            boxes = boxes / boxes.new_tensor(img_meta['scale_factor']).repeat(
                2
            )
        return InstanceData(
            bboxes=boxes[keep],
            labels=labels[keep],
            scores=scores[keep],
            masks=binary_masks(masks[keep], img_meta, 0.5, rescale),
        )
