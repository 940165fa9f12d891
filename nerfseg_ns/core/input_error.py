"""The error for a mistake in what the user gave: a file, a value, an option."""


class InputError(ValueError, SystemExit):
    """A ``ValueError`` that, left uncaught, ends the command with its message instead of a traceback.

    Nerfstudio's commands do not catch errors, so a plain ``ValueError`` raised in a dataparser reaches the user as
    thirty lines of traceback. Python treats an uncaught ``SystemExit`` as "print its code, exit with status 1"; code
    that uses the package as a library catches ``ValueError`` as usual.

    Args:
        message: the file, the offending value, what would be accepted, and the command that helps.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = f"error: {message}"
