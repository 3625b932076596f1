# MCI's layers between the dates.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

model = dict(caption_neck=dict(layer='bi3'), mask_neck=dict(layer='bi3'))
