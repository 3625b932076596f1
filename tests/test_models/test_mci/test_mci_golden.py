"""MCI in its full size, with weights that are made from their names.

The expected numbers are what the authors' code gives with them.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hashed_weights import ALMOST, check, spread, weight
from mci_toys import released_shapes

from mmrs.models.change import ChangeDataPreprocessor
from mmrs.models.change.search import greedy_search
from mmrs.models.mci.converters import convert_released, infer_model
from mmrs.registry import MODELS

MEAN = (0.39073, 0.38623, 0.32989)
STD = (0.15329, 0.14628, 0.13648)


def image(name):
    """An image (256, 256, 3) of bytes."""
    values = np.floor((spread(name, (256, 256, 3)) + 1) / 2 * 256)
    return values.astype(np.uint8)


def made_weight(name, shape):
    if name.endswith('num_batches_tracked'):
        return torch.tensor(0)
    return weight(name, shape)


@pytest.fixture(scope='module')
def outputs():
    """What all parts compute of one pair."""
    released = {
        f'{part}.{name}': made_weight(name, shape)
        for part, shapes in released_shapes(idle=False).items()
        for name, shape in shapes.items()
    }
    assert released['decoder_dict.wdc.weight'][0, 0] == pytest.approx(
        0.0421116, abs=1e-7
    )
    state_dict = convert_released(released)
    model = MODELS.build(infer_model(state_dict)).eval()
    model.load_state_dict(state_dict, assign=True)
    preprocess = ChangeDataPreprocessor(
        [255 * value for value in MEAN], [255 * value for value in STD]
    )
    pair = {
        f'img_{name.lower()}': [torch.as_tensor(image(name)).movedim(2, 0)]
        for name in 'AB'
    }
    pair = preprocess(dict(inputs=pair))['inputs']
    with torch.no_grad():
        a, b = model.backbone(pair['img_a']), model.backbone(pair['img_b'])
        refined = model.caption_neck.interact(a, b)
        tokens = model.caption_neck.merge(*refined)
        logits = model.mask_head(*model.mask_neck(a, b))
    return dict(
        a=a,
        b=b,
        refined=refined,
        tokens=tokens,
        logits=logits,
        decoder=model.caption_head.decoder,
    )


def test_inputs():
    a, b = image('A'), image('B')
    assert a[0, 0].tolist() == [57, 189, 88]
    assert a[0, 1].tolist() == [139, 6, 108]
    assert b[0, 0].tolist() == [172, 205, 62]


def test_backbone(outputs):
    stages = [
        (0.009606, 0.972812, [-1.524260, -0.411355, -0.226191]),
        (-0.009878, 0.997616, [0.737338, -0.445137, 1.491974]),
        (0.004584, 1.013265, [-1.034336, -1.662109, -1.112768]),
        (0.004589, 1.009291, [-0.369930, -0.380034, -0.380320]),
    ]
    ends = [
        [-0.749430, -0.388551],
        [0.394344, 0.150760],
        [0.479115, 0.897260],
        [-0.272090, -0.170232],
    ]
    for ours, stage, end in zip(outputs['a'], stages, ends, strict=True):
        check(ours, *stage, end)
    check(
        outputs['b'][3],
        0.005949,
        1.011743,
        [-0.517886, -0.769023, -0.734556],
        [-0.493389, -0.640977],
    )


def test_caption_neck(outputs):
    a, b = outputs['refined']
    check(
        a,
        -0.006041,
        1.016554,
        [1.312661, 1.415174, 1.423698],
        [0.111204, 0.069731],
    )
    check(
        b,
        0.010855,
        0.995526,
        [1.207396, 1.069518, 1.098724],
        [1.016522, 0.995013],
    )


def test_masks(outputs):
    logits = outputs['logits']
    assert logits.shape == (1, 3, 256, 256)
    check(
        logits,
        -0.142829,
        0.208271,
        [-0.099728, -0.211594, -0.220073],
        [-0.207494, -0.082005],
    )
    counts = logits.argmax(1).flatten().bincount()
    expected = torch.tensor([14759, 21951, 28826])
    torch.testing.assert_close(counts, expected, rtol=0, atol=5)


@torch.no_grad()
def test_captions(outputs):
    ids = torch.tensor([[2, 10, 57, 200, 300, 3]])
    logits = outputs['decoder'](ids[:, :-1], outputs['tokens'])
    check(
        logits,
        -0.076964,
        1.320756,
        [0.022831, -0.143967, -0.597133],
        [0.012155, 0.252236],
    )
    loss = F.cross_entropy(logits[0], ids[0, 1:])
    torch.testing.assert_close(loss, torch.tensor(6.898257), **ALMOST)
    assert logits[0].argmax(1).tolist() == [60, 344, 344, 344, 164]
    (caption,) = greedy_search(outputs['decoder'], outputs['tokens'])
    runs = [
        *((60, 1), (344, 3), (164, 3), (344, 8), (252, 2), (162, 2)),
        *((130, 1), (258, 5), (246, 1), (344, 1), (164, 2), (344, 1)),
        *((258, 2), (375, 3), (164, 2), (344, 2), (164, 2)),
    ]
    assert caption.ids == [word for word, n in runs for _ in range(n)]
    assert not caption.is_finished
