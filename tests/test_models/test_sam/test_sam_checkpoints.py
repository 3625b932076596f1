import pytest
import torch
from sam_toys import TOY, TOY_SIZE, official_sam, randomise

from mmrs.errors import InputError
from mmrs.models.sam import (
    RSSamMaskDecoder,
    RSSamModel,
    SamImageEncoder,
    checkpoints,
    load_sam_weights,
    sam_to_hf,
    sam_to_mmpretrain,
)


@pytest.fixture
def official():
    return randomise(official_sam()).state_dict()


def saved(state_dict, path):
    torch.save(state_dict, path)
    return path


def part(state_dict, prefix):
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state_dict.items()
        if name.startswith(prefix)
    }


def test_whole_sam(official, tmp_path):
    model = RSSamModel(TOY, img_size=TOY_SIZE)
    report = load_sam_weights(model, saved(official, tmp_path / 'sam.pth'))
    assert report.matched == list(official)
    assert report.missing == report.unexpected == []
    torch.testing.assert_close(dict(model.state_dict()), official)


@pytest.mark.parametrize('kind', ['hf.bin', 'hf.safetensors', 'mm.pth'])
def test_files_of_other_libraries(official, tmp_path, kind):
    path = tmp_path / kind
    if kind == 'mm.pth':
        names = {
            f'backbone.{name}': tensor
            for name, tensor in sam_to_mmpretrain(official).items()
        }
        saved(dict(state_dict=names, meta={}), path)
    elif kind == 'hf.safetensors':
        from safetensors.torch import save_file

        tensors = sam_to_hf(official)
        save_file({k: v.clone() for k, v in tensors.items()}, path)
    else:
        saved(sam_to_hf(official), path)
    encoder = SamImageEncoder(TOY, TOY_SIZE)
    report = load_sam_weights(encoder, path, 'image_encoder.')
    assert report.missing == report.unexpected == []
    torch.testing.assert_close(
        dict(encoder.state_dict()), part(official, 'image_encoder.')
    )


def test_missing_and_unexpected_names_are_reported(official, tmp_path):
    del official['mask_decoder.iou_token.weight']
    official['mask_decoder.extra'] = torch.zeros(1)
    path = saved(official, tmp_path / 'sam.pth')
    report = load_sam_weights(RSSamMaskDecoder(TOY), path, 'mask_decoder.')
    assert report.missing == ['iou_token.weight']
    assert report.unexpected == ['extra']
    assert len(report.matched) == len(part(official, 'mask_decoder.')) - 1


def test_parts_are_read_from_disk_once(official, tmp_path, monkeypatch):
    reads = []
    read = checkpoints.read_checkpoint
    monkeypatch.setattr(
        checkpoints, 'read_checkpoint', lambda p: reads.append(p) or read(p)
    )
    path = saved(official, tmp_path / 'sam.pth')
    encoder, decoder = SamImageEncoder(TOY, TOY_SIZE), RSSamMaskDecoder(TOY)
    load_sam_weights(encoder, path, 'image_encoder.')
    load_sam_weights(decoder, path, 'mask_decoder.')
    load_sam_weights(decoder, path, 'mask_decoder.')
    assert reads == [str(path)]


def test_position_tables_are_resized_to_the_image_size(official, tmp_path):
    path = saved(official, tmp_path / 'sam.pth')
    at_load = SamImageEncoder(TOY, TOY_SIZE // 2)
    load_sam_weights(at_load, path, 'image_encoder.')
    assert at_load.pos_embed.shape == (1, 4, 4, TOY.embed_dim)
    assert at_load.blocks[1].attn.rel_pos_h.shape == (7, 16)
    at_run = SamImageEncoder(TOY, TOY_SIZE)
    load_sam_weights(at_run, path, 'image_encoder.')
    x = torch.randn(1, 3, TOY_SIZE // 2, TOY_SIZE // 2)
    torch.testing.assert_close(at_load.encode(x), at_run.encode(x))


def test_a_released_file_that_is_not_there(tmp_path):
    path = tmp_path / 'sam_vit_l_0b3195.pth'
    with pytest.raises(InputError) as error:
        load_sam_weights(SamImageEncoder(TOY), path, 'image_encoder.')
    message = str(error.value)
    assert str(path) in message and 'segment-anything README' in message


def test_text_instead_of_a_checkpoint(tmp_path):
    path = tmp_path / 'sam.pth'
    path.write_text('<!doctype html><title>404</title>')
    with pytest.raises(InputError, match='sam.pth is not a checkpoint'):
        load_sam_weights(SamImageEncoder(TOY), path, 'image_encoder.')


def test_weights_of_something_else(tmp_path):
    path = saved({'conv1.weight': torch.zeros(1)}, tmp_path / 'resnet.pth')
    with pytest.raises(InputError, match='resnet.pth holds no weights of a'):
        load_sam_weights(SamImageEncoder(TOY), path, 'image_encoder.')


def test_damaged_safetensors(tmp_path):
    path = tmp_path / 'sam.safetensors'
    path.write_bytes(b'version https://git-lfs.github.com/spec/v1')
    with pytest.raises(
        InputError, match='sam.safetensors is not a checkpoint'
    ):
        load_sam_weights(SamImageEncoder(TOY), path, 'image_encoder.')


def test_another_architecture_is_named(tmp_path):
    tiny = SamImageEncoder('vit_tiny', 64).state_dict()
    names = {f'image_encoder.{k}': v for k, v in tiny.items()}
    path = saved(names, tmp_path / 'tiny.pth')
    with torch.device('meta'):
        base = SamImageEncoder('vit_b')
    with pytest.raises(
        InputError,
        match='tiny.pth holds vit_tiny, sam_arch asks for vit_b: set '
        "sam_arch='vit_tiny' or give sam_vit_b_01ec64.pth",
    ):
        load_sam_weights(base, path, 'image_encoder.')


def test_a_part_of_another_architecture(tmp_path):
    tiny = RSSamMaskDecoder('vit_tiny').state_dict()
    names = {f'mask_decoder.{k}': v for k, v in tiny.items()}
    path = saved(names, tmp_path / 'tiny.pth')
    with pytest.raises(InputError, match='tiny.pth is of another arch'):
        load_sam_weights(RSSamMaskDecoder(TOY), path, 'mask_decoder.')
