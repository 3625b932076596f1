# Ours: the teacher's probabilities instead of its decisions.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

train_pipeline = _base_.train_pipeline
train_pipeline[1]['kind'] = 'soft'
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(
            pseudo=None, pseudo_prob='images/{split}/pseudo_prob'
        ),
        pipeline=train_pipeline,
    )
)
