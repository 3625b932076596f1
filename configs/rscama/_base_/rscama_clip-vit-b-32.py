# RSCaMa with CLIP ViT-B/32 and the Transformer decoder, as in the paper. A
# config that inherits this names the data set, of which
# model.caption_head.num_words follows.
model = dict(
    type='ChangeInterpreter',
    # pretrained='.../ViT-B-32.pt' starts from OpenAI's CLIP, as the authors do.
    backbone=dict(
        type='CLIPPatchBackbone',
        arch='vit-b-32',
        trainable_blocks=6,
        pretrained=None,
    ),
    caption_neck=dict(type='CaMaNeck', dims=768, num_layers=3, grid=7),
    caption_head=dict(
        type='CaptionHead',
        decoder=dict(
            type='TransformerCaptionDecoder',
            embed_dims=768,
            num_layers=1,
            heads=8,
            hidden=3072,
        ),
        num_words=501,
        max_length=42,
    ),
)
