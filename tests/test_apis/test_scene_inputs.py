import numpy as np
import pytest
import rasterio
from cloud_scene_toys import (
    BANDS,
    toy_classes,
    toy_config,
    toy_scene,
    write_scene,
)
from PIL import Image

from mmrs.apis import CloudInferencer
from mmrs.apis.scene_inputs import list_scenes
from mmrs.errors import BadImageError, InputError
from mmrs.geo.scene import open_scene
from mmrs.geo.source import Unit

CODES = dict(blue='B02', green='B03', red='B04', nir='B08')
METADATA = """<?xml version="1.0"?>
<n1:Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD">
  <n1:Info><Offsets>
    <RADIO_ADD_OFFSET band_id="0">-1000</RADIO_ADD_OFFSET>
    <RADIO_ADD_OFFSET band_id="1">-1000</RADIO_ADD_OFFSET>
  </Offsets></n1:Info>
</n1:Product>
"""


def write_product(folder, pixels, raised=0, resolution=''):
    """Write bands (H, W, 4) as JPEG 2000, and one of half the resolution."""
    images = folder / 'GRANULE/L1C_T33/IMG_DATA' / resolution
    end = f'_{resolution[1:]}' if resolution else ''
    for band, code in zip(np.moveaxis(pixels, 2, 0), CODES.values()):
        write_scene(
            images / f'T33_{code}{end}.jp2',
            band[..., None] + raised,
            None,
            driver='JP2OpenJPEG',
            quality=100,
            reversible='yes',
        )
    write_scene(images / f'T33_TCI{end}.jp2', band[..., None], None)
    (folder / 'preview.png').write_bytes(b'')
    if raised:
        (folder / 'MTD_MSIL1C.xml').write_text(METADATA)
    return folder


@pytest.fixture
def pixels() -> np.ndarray:
    return toy_scene(toy_classes())


@pytest.fixture(scope='module')
def inferencer() -> CloudInferencer:
    return CloudInferencer(toy_config(), device='cpu')


def test_a_product_of_sentinel2(tmp_path, pixels):
    write_product(tmp_path / 'S2A.SAFE', pixels)
    (scene,) = list_scenes(tmp_path / 'S2A.SAFE')
    assert scene.stem == 'S2A' and [*scene.source.files] == [*CODES]
    source = open_scene(scene.source)
    assert source.bands == tuple(CODES)
    found, _ = source.read((0, 0, *source.shape))
    np.testing.assert_array_equal(found, pixels)


def test_values_that_were_raised(tmp_path, pixels, inferencer):
    # Products hold reflectance * 10000, the toy's files 10-bit values.
    pixels = np.rint(pixels * (10000 / 1023)).astype(np.uint16)
    folder = write_product(tmp_path / 'S2A.SAFE', pixels, np.uint16(1000))
    (scene,) = list_scenes(folder)
    source = open_scene(scene.source)
    assert set(source.units) == {Unit(1e-4, -0.1)}
    found, _ = source.read((0, 0, 150, 210))
    np.testing.assert_array_equal(found, pixels + 1000)
    out = tmp_path / 'out'
    inferencer(
        folder,
        out_dir=out,
        tile=64,
        overlap=16,
        file_bands=BANDS,
        draw=False,
        show_progress=False,
    )
    with rasterio.open(out / 'maps/S2A.tif') as file:
        assert (file.read(1)[8:] == toy_classes()[8:]).all()


def test_the_finest_file_of_a_band(tmp_path, pixels):
    folder = tmp_path / 'S2A.SAFE'
    write_product(folder, pixels[::2, ::2], resolution='R20m')
    write_product(folder, pixels, resolution='R10m')
    (scene,) = list_scenes(folder)
    assert {path.parent.name for path in scene.files} == {'R10m'}


def test_a_folder_of_products_and_images(tmp_path, pixels):
    write_product(tmp_path / 'in/S2A.SAFE', pixels)
    write_scene(tmp_path / 'in/more/a.tif', pixels)
    Image.new('RGB', (8, 8)).save(tmp_path / 'in/b.png')
    found = list_scenes(tmp_path / 'in')
    assert [scene.stem for scene in found] == ['S2A', 'b', 'more/a']
    assert [scene.stem for scene in list_scenes([tmp_path / 'in/b.png'])] == [
        'b'
    ]


def test_files_of_single_bands(tmp_path, pixels):
    files = {
        name: write_scene(tmp_path / f'{name}.tif', pixels[..., [i]], None)
        for i, name in enumerate(BANDS)
    }
    (scene,) = list_scenes(files)
    assert scene.stem == 'blue'
    assert open_scene(scene.source).bands == BANDS
    assert len(list_scenes([files, pixels])) == 2


def test_nothing_to_predict(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='no image to predict'):
        list_scenes(tmp_path / 'empty')
    with pytest.raises(InputError, match='absent.tif: no such file'):
        list_scenes(tmp_path / 'absent.tif')
    (tmp_path / 'S2.SAFE').mkdir()
    with pytest.raises(BadImageError, match='S2.SAFE: has no bands'):
        list_scenes(tmp_path / 'S2.SAFE')
    with pytest.raises(InputError, match='names no file'):
        list_scenes({})


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('no', 'is no XML'),
        (METADATA.replace('-1000', '-900', 1), 'no offset of the band green'),
    ],
)
def test_metadata_that_cannot_be_used(tmp_path, pixels, text, message):
    folder = write_product(tmp_path / 'S2A.SAFE', pixels)
    (folder / 'MTD_MSIL1C.xml').write_text(text)
    with pytest.raises(BadImageError, match=message):
        list_scenes(folder)


def test_images_in_an_archive(tmp_path):
    """Addresses of GDAL are taken wherever files are."""
    from zipfile import ZipFile

    from mmrs.apis.inputs import list_inputs, list_pairs

    Image.new('RGB', (8, 6), (1, 2, 3)).save(tmp_path / 'a.png')
    with ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.write(tmp_path / 'a.png', 'x/a.png')
    address = f'/vsizip/{tmp_path}/a.zip/x/a.png'
    (image,) = list_inputs(address)
    assert (image.name, image.stem, image.source) == (address, 'a', address)
    (pair,) = list_pairs((address, address))
    assert pair.sources == (address, address) and pair.stem == 'a'
    (scene,) = list_scenes('s3://bucket/deep/b.tif')
    assert (scene.name, scene.stem) == ('s3://bucket/deep/b.tif', 'b')
