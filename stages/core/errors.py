"""The one exception that a user sees: what is wrong, and what to do next."""


class UserError(Exception):
    """Something that the user can put right: bad params, data or files.

    `str(error)` says what is wrong, with the value and what is allowed; `hint` is the next thing to do or type.
    A stage that ends with it prints both, writes no output and exits with 1, without a traceback.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint
