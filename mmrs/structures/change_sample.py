"""Truth and predictions of a pair of images of two dates."""

from mmengine.structures import BaseDataElement

__all__ = ['ChangeDataSample']


class ChangeDataSample(BaseDataElement):
    """A place at two dates: what changed, in words and as a mask.

    Every field is optional; a data set sets what it has, a model what it
    predicts.

    Metainfo:
        sample_id (str): Name of the pair, unique in its data set.
        img_path (list[str]): The files of the earlier and the later image.
        ori_shape, img_shape (tuple[int, int]): (H, W) of the files, and of
            the model's input.
        captions (list[str]): All reference sentences, as they are stored.
        has_change (bool): Whether any reference tells of a change.

    Fields:
        gt_ids: Word numbers of one reference, from ``<START>`` to ``<END>``,
            (T,) int64.
        gt_mask: Class of each pixel (H, W), int64; 255 is ignored.
        gt_mask_prob: Probability of change of each pixel (H, W), float32, 0
            to 1, for soft labels.
        pred_ids: Word numbers of the predicted sentence, a list without the
            special words.
        pred_score: Sum of the log probabilities of the predicted words, with
            ``<END>``, a float.
        pred_mask: Predicted class of each pixel, (H, W) of `ori_shape`,
            uint8.
        mask_scores: Probability of each class (C, H, W) of `ori_shape`,
            float32.
    """
