"""What an import as a whole is asked with: its source, and the reason for taking what is closed."""

from __future__ import annotations

from core.earnings.intake import fields
from core.earnings.intake.fields import FieldError
from core.errors import InvalidInput


def checked_source(source: str) -> str:
    """Who reports. Raises InvalidInput for a name that can't be kept."""
    try:
        return fields.required(source, "source", 64)
    except FieldError as error:
        raise InvalidInput(problem=f"Nothing was imported. The source {error.reason}.") from None


def checked_reason(reason: str | None) -> str | None:
    """Why closed days or months are reopened, if they are. Raises InvalidInput for a text that can't be kept."""
    if reason is None:
        return None
    try:
        return fields.required(reason, "reason", 500)
    except FieldError as error:
        raise InvalidInput(problem=f"Nothing was imported. The reason for reopening {error.reason}.") from None
