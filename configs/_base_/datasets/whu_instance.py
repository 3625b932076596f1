# WHU building: 8188 aerial tiles of 512 x 512 px, 4736/1036/2416 of them for
# training, validation and test.
_base_ = './nwpu_instance.py'

dataset_type = 'WHUInsSegDataset'
data_root = 'data/WHU/'

dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(
    dataset=dict(
        dataset,
        ann_file='annotations/WHU_building_train.json',
        data_prefix=dict(img='imgs/train/image/'),
    )
)
val_dataloader = dict(
    dataset=dict(
        dataset,
        ann_file='annotations/WHU_building_val.json',
        data_prefix=dict(img='imgs/val/image/'),
    )
)
# RSPrompter's authors chose their best epoch on the test split too; here the
# test split is left alone until the end.
test_dataloader = dict(
    dataset=dict(
        dataset,
        ann_file='annotations/WHU_building_test.json',
        data_prefix=dict(img='imgs/test/image/'),
    )
)

val_evaluator = dict(ann_file=data_root + 'annotations/WHU_building_val.json')
test_evaluator = dict(
    ann_file=data_root + 'annotations/WHU_building_test.json'
)
