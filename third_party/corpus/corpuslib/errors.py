"""The one exception that the command line turns into a message and an exit code."""


class CorpusError(Exception):
    """An expected failure.

    `message` says what happened, `hint` what to do about it, `exit_code` is the
    exit status of the script (3: data, 2: usage).
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = 3):
        super().__init__(message, hint, exit_code)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
