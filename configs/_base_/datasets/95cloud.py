# 95-Cloud: 38-Cloud, and the training patches of 57 more scenes.
_base_ = './38cloud.py'

additional = 'data/95-Cloud/95-cloud_training_only_additional_to38-cloud/'

train_dataloader = dict(dataset=dict(additional=additional))
val_dataloader = dict(dataset=dict(additional=additional))
