# Generalized cross-entropy.
_base_ = './segformer-mini_ce_1xb16-400i_synthetic-levir-cs-64x64.py'

model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='GCELoss')))
