"""Masks whose values are words of bits, made into plain codes."""

import numpy as np

#: Codes of :func:`landsat8_bqa`.
BQA_CLEAR, BQA_CLOUD, BQA_CIRRUS, BQA_SNOW, BQA_FILL = range(5)


def landsat8_bqa(words: np.ndarray) -> np.ndarray:
    """Decode the quality band of Landsat 8 before the collections (BQA).

    Two bits a kind of surface tell the confidence, 0 none to 3 high: 15-14
    cloud, 13-12 cirrus, 11-10 snow or ice; bit 0 is fill. What has high
    confidence counts, snow before cloud before cirrus: the band tells
    nothing of which is on top, and its cloud bits are set on most snow, too
    (ours). Low and medium confidence is clear.

    Args:
        words: (H, W), uint16.

    Returns:
        (H, W), uint8: 0 clear, 1 cloud, 2 cirrus, 3 snow, 4 fill.
    """
    codes = np.full(words.shape, BQA_CLEAR, np.uint8)
    for shift, code in ((12, BQA_CIRRUS), (14, BQA_CLOUD), (10, BQA_SNOW)):
        codes[(words >> shift) & 3 == 3] = code
    codes[words & 1 == 1] = BQA_FILL
    return codes


#: Decoders by the name that data sets call them.
MASK_CODES = dict(landsat8_bqa=landsat8_bqa)
