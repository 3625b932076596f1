# No gradient of the captions flows into the mask branch.
_base_ = './pix4cap_mit-b1_1xb64-100e_levir-cc-256x256.py'

model = dict(sfa=dict(detach=True))
