"""Samples of class maps as mmseg's models hand them to metrics."""

import numpy as np
import torch

META = dict(classes=('background', 'cloud', 'snow'))


def seg_sample(
    sample_id: str,
    predicted: np.ndarray,
    label: np.ndarray | None = None,
    subset: str = 'clean',
    truth: np.ndarray | None = None,
    logits: np.ndarray | None = None,
) -> dict:
    """A sample as a metric gets it; maps (H, W), logits (C, H, W)."""
    sample = dict(
        sample_id=sample_id,
        subset=subset,
        pred_sem_seg=dict(data=torch.as_tensor(np.array(predicted))[None]),
    )
    for key, value in (('gt_sem_seg', label), ('gt_true_seg_map', truth)):
        if value is not None:
            sample[key] = dict(data=torch.as_tensor(np.array(value))[None])
    if logits is not None:
        sample['seg_logits'] = dict(data=torch.as_tensor(logits).float())
    return sample


def evaluate(metric, *samples: dict) -> dict[str, float]:
    """Run a metric over samples."""
    metric.dataset_meta = META
    metric.process({}, samples)
    return metric.evaluate(len(samples))
