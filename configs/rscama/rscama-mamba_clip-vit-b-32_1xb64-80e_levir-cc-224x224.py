_base_ = './rscama_clip-vit-b-32_1xb64-80e_levir-cc-224x224.py'

model = dict(
    caption_head=dict(
        decoder=dict(_delete_=True, type='PrefixMambaDecoder', embed_dims=768)
    )
)
