# The masks of buildings that people drew; roads count as unchanged.
_base_ = './pix4cap-gt-3class_mit-b1_1xb64-100e_levir-mci-256x256.py'

model = dict(mask_head=dict(num_classes=2))
label_map = {0: 0, 128: 0, 255: 1}
train_pipeline = _base_.train_pipeline
train_pipeline[1]['label_map'] = label_map
test_pipeline = _base_.test_pipeline
test_pipeline[1]['label_map'] = label_map
metainfo = dict(
    classes=('unchanged', 'building'), palette=[(0, 0, 0), (255, 0, 0)]
)
train_dataloader = dict(
    dataset=dict(metainfo=metainfo, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(metainfo=metainfo, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(metainfo=metainfo, pipeline=test_pipeline))
