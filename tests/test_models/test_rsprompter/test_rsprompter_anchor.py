import copy

import pytest
import torch
import torch.nn.functional as F
from rsprompter_toys import SIZE, build, make_batch

from mmrs.models.rsprompter.masks import binary_masks, resized_shape
from mmrs.models.rsprompter.prompts import to_prompts


def train_step(model, images, samples):
    torch.manual_seed(1)
    losses = model.loss(images, copy.deepcopy(samples))
    total, _ = model.parse_losses(losses)
    total.backward()
    return losses


def test_losses_of_a_batch():
    model = build('rsprompter-anchor').train()
    losses = train_step(model, *make_batch())
    assert set(losses) == {
        'loss_rpn_cls',
        'loss_rpn_bbox',
        'loss_cls',
        'loss_bbox',
        'loss_mask',
        'acc',
    }
    head = model.roi_head.mask_head
    assert head.point_emb[0].weight.grad.abs().sum() > 0
    assert head.mask_decoder.mask_tokens.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.backbone.parameters())


@pytest.mark.parametrize('objects', [(0, 0), (0, 2)])
def test_images_without_objects_train(objects):
    model = build('rsprompter-anchor').train()
    losses = train_step(model, *make_batch(objects))
    flat = [
        x for v in losses.values() for x in (v if isinstance(v, list) else [v])
    ]
    assert all(torch.isfinite(value).all() for value in flat)
    if objects == (0, 0):
        assert losses['loss_mask'] == 0


def test_mask_loss_is_the_plain_cross_entropy_of_the_whole_image():
    model = build('rsprompter-anchor').train()
    head = model.roi_head.mask_head
    _, samples = make_batch((3,))
    preds = torch.randn(2, 1, 16, 16)

    class Sampling:
        pos_assigned_gt_inds = torch.tensor([2, 0])

    gt = samples[0].gt_instances
    result = head.loss_and_target(preds, [Sampling], [gt], {})
    targets = torch.from_numpy(gt.masks.masks[[2, 0]]).float()
    expected = F.binary_cross_entropy_with_logits(
        F.interpolate(preds, (SIZE, SIZE), mode='bilinear')[:, 0], targets
    )
    torch.testing.assert_close(
        result['loss_mask']['loss_mask'].squeeze(), expected
    )


def test_mask_loss_at_points_approaches_the_whole_one():
    dense = build('rsprompter-anchor').train().roi_head.mask_head
    sparse = build(
        'rsprompter-anchor', **{'roi_head.mask_head.num_loss_points': 4096}
    ).roi_head.mask_head
    _, samples = make_batch((3,))

    class Sampling:
        pos_assigned_gt_inds = torch.tensor([1, 2])

    # Equally sure everywhere, so the uncertain points are no other points.
    preds = torch.full((2, 1, 16, 16), 1.5)
    args = preds, [Sampling], [samples[0].gt_instances], {}
    torch.manual_seed(0)
    torch.testing.assert_close(
        sparse.loss_and_target(*args)['loss_mask']['loss_mask'],
        dense.loss_and_target(*args)['loss_mask']['loss_mask'],
        rtol=0.05,
        atol=0.0,
    )


@pytest.mark.parametrize('objects', [(0, 0), (2, 1)])
def test_dice_loss_can_be_added(objects):
    dice = dict(type='mmdet.DiceLoss', use_sigmoid=True, loss_weight=2.0)
    model = build(
        'rsprompter-anchor', **{'roi_head.mask_head.loss_dice': dice}
    )
    losses = train_step(model.train(), *make_batch(objects))
    assert (losses['loss_dice'] > 0) == (sum(objects) > 0)


def test_box_prompts_are_those_of_sam():
    sam = build('samdet').segmentor
    model = build(
        'rsprompter-anchor', **{'roi_head.mask_head.with_box_prompt': True}
    )
    head = model.roi_head.mask_head
    corners = [e.weight for e in sam.prompt_encoder.point_embeddings[2:]]
    head.box_embed.weight.data = torch.cat(corners).detach()
    # SAM adds half a pixel to the corners of a box; these are cell centres.
    boxes = torch.tensor([[8.0, 24.0, 40.0, 56.0], [24.0, 8.0, 40.0, 24.0]])
    expected, _ = sam.prompt_encoder(None, boxes - 0.5, None)
    pe = sam.prompt_encoder.get_dense_pe()
    torch.testing.assert_close(head.box_prompts(boxes, pe), expected)


def test_box_prompts_train():
    model = build(
        'rsprompter-anchor', **{'roi_head.mask_head.with_box_prompt': True}
    )
    train_step(model.train(), *make_batch())
    assert model.roi_head.mask_head.box_embed.weight.grad.any()


def test_one_mask_does_not_depend_on_the_others():
    model = build('rsprompter-anchor').eval()
    images, _ = make_batch((1, 1))
    rois = torch.tensor(
        [[1, 4, 4, 40, 40], [0, 0, 0, 20, 30], [1, 10, 2, 30, 60.0]]
    )
    with torch.no_grad():
        head = model.roi_head
        features = head.add_position(model.extract_feat(images))
        together = head._mask_forward(features, rois)['mask_preds']
        for roi, expected in zip(rois, together):
            alone = head._mask_forward(features, roi[None])['mask_preds'][0]
            torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


def test_predicts_boxes_and_masks_of_the_original_image():
    model = build('rsprompter-anchor').eval()
    images, samples = make_batch((1, 0))
    for sample in samples:
        sample.set_metainfo(
            dict(
                ori_shape=(32, 24), img_shape=(64, 48), scale_factor=(2.0, 2.0)
            )
        )
    model.test_cfg.rcnn.score_thr = 0.0
    with torch.no_grad():
        results = model.predict(images, samples)
    for result in results:
        found = result.pred_instances
        assert len(found) > 0
        assert found.masks.shape == (len(found), 32, 24)
        assert found.masks.dtype == torch.bool
        assert found.bboxes[:, 2].max() <= 24 + 1e-3
        assert found.bboxes[:, 3].max() <= 32 + 1e-3


def test_no_detection_gives_empty_masks():
    model = build('rsprompter-anchor').eval()
    images, samples = make_batch((1,))
    model.roi_head.test_cfg.score_thr = 1.1
    with torch.no_grad():
        found = model.predict(images, samples)[0].pred_instances
    assert found.masks.shape == (0, SIZE, SIZE)


def test_decoder_can_be_frozen():
    model = build('rsprompter-anchor', freeze_decoder=True).train()
    decoder = model.roi_head.mask_head.mask_decoder
    train_step(model, *make_batch())
    assert not decoder.training
    assert all(p.grad is None for p in decoder.parameters())


def test_binary_masks_follow_the_two_resizes():
    meta = dict(
        ori_shape=(30, 50),
        scale_factor=(1.28, 1.27),
        batch_input_shape=(64, 64),
    )
    assert resized_shape(meta) == (38, 64)
    maps = torch.randn(20, 16, 16)
    large = F.interpolate(maps[None], (64, 64), mode='bilinear')[..., :38, :64]
    expected = F.interpolate(large, (30, 50), mode='bilinear')[0] >= 0
    assert torch.equal(binary_masks(maps, meta, 0.0), expected)
    assert torch.equal(
        binary_masks(maps, meta, 0.0, rescale=False), large[0] >= 0
    )


def test_prompts_by_hand():
    embedding = torch.tensor([[0.5, 1.0, 2.0, 3.0, 0.0, 4.0, 1.0, 5.0]])
    prompts = to_prompts(embedding, 2, with_sincos=True)
    expected = torch.sin(torch.tensor([[[0.5, 2.0], [0.0, 1.0]]]))
    expected = expected + torch.tensor([[[1.0, 3.0], [4.0, 5.0]]])
    torch.testing.assert_close(prompts, expected)
    plain = to_prompts(embedding, 2, with_sincos=False)
    assert torch.equal(plain[0, 1], embedding[0, 4:])
