"""Logs: readable for people and machines, and silent about secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot import logs
from bot.settings import Secret

SECRETS = [Secret("postgresql://desk:pa$$w0rd@db/desk"), Secret("hush-hush-token"), Secret("")]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is the process's own: put it back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_secrets_never_reach_the_log(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a value, nor a message, nor a traceback shows a secret, whichever library writes the line."""
    logs.configure(log_format, SECRETS)
    ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")
    ours.info("starting", url="postgresql://desk:pa$$w0rd@db/desk", token="hush-hush-token")
    theirs.warning("calling with %s", "hush-hush-token")
    theirs.warning("their own: %s", "xoxb-123-456 and postgresql://a:other@h/d and Bearer abc.def")
    for logger in (ours, theirs):
        try:
            raise ValueError("refused hush-hush-token")
        except ValueError:
            logger.exception("failed")
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    for hidden in ("hush", "pa$$w0rd", "xoxb", ":other@", "abc.def"):
        assert hidden not in printed, printed
    assert "***" in printed


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """With json each line is a document, with time, level, logger and what was said beside the message."""
    logs.configure("json")
    structlog.get_logger("bot.relay").info("delivered", key="a")
    logging.getLogger("core.chat.desk").error("a command failed", extra={"reference": "E-1"})
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["key"], first["level"], first["logger"]) == ("delivered", "a", "info", "bot.relay")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["reference"]) == ("a command failed", "E-1")


def test_chatty_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """What libraries say of their everyday business stays out."""
    logs.configure("console")
    logging.getLogger("apscheduler.scheduler").info("Added job")
    logging.getLogger("uvicorn.error").info("Started server")
    assert capsys.readouterr().err == ""
