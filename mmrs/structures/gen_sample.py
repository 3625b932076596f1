"""Truth and predictions of a generated image."""

from mmengine.structures import BaseDataElement

__all__ = ['GenDataSample']


class GenDataSample(BaseDataElement):
    """A place at one resolution: the image, and what it is made from.

    Every field is optional; a data set sets what it has, a model what it
    generates.

    Metainfo:
        sample_id (str): Unique in its data set.
        sample_idx (int): Its number there.
        img_path (str): The file.
        resolution (float): Of the fine image, in metres a pixel.
        lat, lon (float), epsg (int): Where it is, if known.

    Fields:
        lr_img: The condition, four times as coarse, (3, p, q), uint8, RGB.
        gt_img: The real image, (3, 4p, 4q), uint8, RGB.
        pred_img: The generated image, (3, 4p, 4q), uint8, RGB.
    """
