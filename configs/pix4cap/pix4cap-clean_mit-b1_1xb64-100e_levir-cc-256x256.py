# Ours: pseudo-labels that the captions contradict are not learnt from.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

train_pipeline = _base_.train_pipeline
train_pipeline[1]['clean'] = True
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
