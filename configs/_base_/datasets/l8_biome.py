# L8 Biome: tiles of 512 px of 96 scenes of Landsat 8; clear, thick cloud, thin
# cloud and shadow, and the nine bands of reflectance. Scenes are drawn for
# training, validation and testing, 60, 20 and 20 % of each biome. The
# statistics are round values.
_base_ = './levir_cs.py'

bands = (
    'coastal',
    'blue',
    'green',
    'red',
    'nir',
    'swir16',
    'swir22',
    'pan',
    'cirrus',
)
dataset_type = 'L8BiomeDataset'
data_root = 'data/L8_Biome/'

data_preprocessor = dict(
    type='MultiBandDataPreprocessor',
    mean=[0.2] * 9,
    std=[0.15] * 9,
    size=(512, 512),
)

dataset = dict(type=dataset_type, data_root=data_root, bands=bands)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
