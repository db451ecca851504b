"""Logs for people (console) and machines (json), on stderr. Secrets are taken out whatever the line."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping

import structlog

from bot.settings import Secret

# Tokens by their shape, in case one arrives inside an error message of a library, and passwords in addresses.
_SHAPES = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|sk_(?:live|test)_\w+|whsec_\w+|Bearer\s+[\w.~+/-]+=*|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)


class Scrub:
    """Takes every known secret's value, and what looks like one, out of a log line."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        values = sorted((secret.reveal() for secret in secrets if len(secret.reveal()) >= 6), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, values))) if values else None

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("***", text)
        return _SHAPES.sub("***", text)

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, object]) -> MutableMapping[str, object]:
        for key, value in line.items():
            if isinstance(value, str):
                line[key] = self.text(value)
        return line


def configure(log_format: str, secrets: Iterable[Secret] = (), level: int = logging.INFO) -> None:
    """Send structlog's and the standard library's lines through one formatter to stderr."""
    scrub = Scrub(secrets)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),  # what the core's own lines carry, such as the reference a person was told
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        scrub,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("apscheduler", "uvicorn", "uvicorn.error", "alembic", "matplotlib", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for ours in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(ours).handlers[:] = []
        logging.getLogger(ours).propagate = True
