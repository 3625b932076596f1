_base_ = '../segformer-b1_curriculum_1xb16-40k_levir-cs-512x512.py'

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='SyntheticCloudNoise', kinds=('bright',), eta=0.2, seed=0),
    *_base_.train_pipeline[2:],
]
train_dataloader = dict(
    dataset=dict(
        quality_file='quality_noise-bright-eta20-seed0.csv',
        pipeline=train_pipeline,
    )
)
