"""Stops a run whose model and data count words differently."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmrs.errors import InputError
from mmrs.registry import HOOKS


@HOOKS.register_module()
class CheckVocabularyHook(Hook):
    """Compare the number of words of the model with the data set's.

    The model's is the ``num_words`` of the first of its parts that has one. A
    model of more words would train without a word of warning, and one of
    fewer would fail deep inside the loss. Models without such a part
    and data sets without a vocabulary pass.

    Acts in ``before_train``, ``before_val`` and ``before_test``.

    Raises:
        InputError: The numbers differ; the message has the right one.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the training data."""
        _check(runner, runner.train_dataloader.dataset, 'train_dataloader')

    def before_val(self, runner: Runner) -> None:
        """Check the validation data."""
        _check(runner, runner.val_dataloader.dataset, 'val_dataloader')

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        _check(runner, runner.test_dataloader.dataset, 'test_dataloader')


def _check(runner: Runner, dataset: Dataset, loader: str) -> None:
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    words = getattr(dataset, 'metainfo', {}).get('vocabulary')
    # Parts come after what they are parts of, whose setting it is.
    counted = (
        (name, part.num_words)
        for name, part in model.named_modules()
        if hasattr(part, 'num_words')
    )
    name, count = next(counted, (None, None))
    if count is None or words is None or count == len(words):
        return
    setting = '.'.join(filter(None, ['model', name, 'num_words']))
    raise InputError(
        f'{setting} is {count}, but the vocabulary of {loader}.dataset has '
        f'{len(words)} words; set {setting}={len(words)}, or give the data '
        'sets the vocabulary (vocabulary=..., or min_count and vocab_source) '
        'that the model was made for'
    )
