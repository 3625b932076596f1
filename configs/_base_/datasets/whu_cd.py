# WHU-CD, brought to 0.5 m and cut into tiles of 256 px at least:
# data/WHU-CD/{train,val,test}/{A,B,label}/*, with masks of 0 and 255 of the
# buildings that appeared or went.
_base_ = './levir_cd.py'

data_root = 'data/WHU-CD/'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
