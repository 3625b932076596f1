_base_ = ['toy_config.py']

custom_hooks = [dict(type='KillHook', iteration=20)]  # in the third epoch
