"""Refusals a person can act on. An exception's docstring is its message: what happened, whether money moved, next."""

from __future__ import annotations

import inspect


class DeskError(Exception):
    """Refused. Nothing changed."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        template = inspect.cleandoc(type(self).__doc__ or "").replace("\n", " ")  # one line, however it is wrapped
        super().__init__(template.format(**facts))

    @property
    def text(self) -> str:
        """The sentence shown to the person, in the command's own reply."""
        return str(self)


class LedgerUnavailable(DeskError):
    """Nothing changed. The ledger didn't answer. Retry in a minute. Ref {reference}."""


class InvalidInput(DeskError):
    """{problem}"""


class NotYetBuilt(DeskError):
    """Program '{program}' is of kind '{kind}', which this version can't run yet. Remove it or set kind = "credits"."""
