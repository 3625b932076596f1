# Normalized with reverse cross-entropy.
_base_ = './segformer-b1_ce_1xb16-40k_levir-cs-512x512.py'

model = dict(
    decode_head=dict(loss_decode=dict(_delete_=True, type='ActivePassiveLoss'))
)
