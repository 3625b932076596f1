"""Errors that a user can mend, and how the tools show them."""


class InputError(ValueError):
    """Something the user gave is wrong, and the message says what to do.

    The first line names the file or the config key at fault and the way out.
    The command-line tools print it as one line and exit with status 1; the
    trace is shown when the environment variable ``MMRS_TRACE`` is ``1``.
    """


class BadImageError(InputError):
    """One image file cannot be used; the others may be fine.

    Data sets skip such files in training and count them.
    """
