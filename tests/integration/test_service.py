"""`up`: starts, serves, stops; what stands in its way is named."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bot.service import PortInUse, listen
from bot.starter import STARTER
from tests.commands import Terminal, get, process

# It takes 0.3 s on a machine that is not busy; this is far below the 8 s after which it would give up.
PROMPT = 4.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration."""
    (tmp_path / "earnings-desk.toml").write_text(STARTER, encoding="utf-8")
    return tmp_path


def address(output: str) -> str:
    """Where the service says that it listens."""
    found = re.search(r"http://127\.0\.0\.1:\d+", output)
    assert found is not None, output
    return found[0]


def test_starts_serves_and_stops_at_once(folder: Path) -> None:
    """`up` on an empty folder makes the database, answers health checks, and stops within a second of SIGTERM."""
    with process(folder, "up", HTTP_PORT="0", LOG_FORMAT="json") as up:
        where = address(up.until('"event": "ready"'))
        assert get(f"{where}/healthz") == (200, '{"ok":true}')
        status, body = get(f"{where}/readyz")
        assert (status, json.loads(body)["ready"]) == (200, True)
        assert get(f"{where}/metrics")[0] == 200
        assert get(f"{where}/")[0] == 404  # the playground is on request only
        ended, seconds = up.stop()
    assert ended == 0
    assert seconds < PROMPT, up.output
    assert "Traceback" not in up.output
    for line in up.output.splitlines():
        json.loads(line)


def test_playground_on_request_and_ctrl_c(folder: Path) -> None:
    """`up --playground` serves its page; Ctrl-C stops it cleanly, an open stream notwithstanding."""
    with process(folder, "up", "--playground", HTTP_PORT="0") as up:
        where = address(up.until("ready"))
        status, body = get(f"{where}/")
        assert status == 200
        assert "<html" in body
        host, port = where.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as stream:
            stream.sendall(f"GET /playground/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert b"200 OK" in stream.recv(4096)
            ended, seconds = up.stop(signal.SIGINT)
    assert ended == 0
    assert seconds < PROMPT, up.output
    assert "Traceback" not in up.output


def test_second_up_on_the_same_file_is_refused(folder: Path) -> None:
    """Two services never share a SQLite file; a crash of the first leaves nothing in the second's way."""
    with process(folder, "up", HTTP_PORT="0") as first:
        first.until("ready")
        with process(folder, "up", HTTP_PORT="0") as second:
            assert second.popen.wait(20) == 1
            (line,) = second.output.splitlines()
            assert f"(process {first.popen.pid})" in line
            assert "already runs on" in line
        first.stop(signal.SIGKILL)
    with process(folder, "up", HTTP_PORT="0") as third:
        third.until("ready")
        assert third.stop()[0] == 0


def test_port_in_use(folder: Path) -> None:
    """A port that another program has is named; nothing has started."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"Port {port} on 127.0.0.1 is in use"):
            listen("127.0.0.1", port)
        line = Terminal(folder, {"HTTP_PORT": str(port)}).refused("up")
        assert f"Port {port} on 127.0.0.1 is in use" in line


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no-such-host.invalid", 80)])
def test_address_of_another_machine(host: str, port: int) -> None:
    """An address that is not this machine's is refused with the reason."""
    from bot.service import NoAddress

    with pytest.raises(NoAddress, match=host):
        listen(host, port)


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["up"], {"SLACK_BOT_TOKEN": "xoxb-hush"}, "SLACK_BOT_TOKEN is set, but nothing says how Slack reaches"),
        (["up", "--playground"], {"DISCORD_TOKEN": "MTIz.hush.hush"}, "unset DISCORD_TOKEN"),
        (["up", "--playground"], {"HTTP_HOST": "0.0.0.0"}, "not on '0.0.0.0'"),  # noqa: S104
        (["demo", "--no-open", "--port", "0"], {"SLACK_APP_TOKEN": "xapp-hush"}, "unset SLACK_APP_TOKEN"),
        (["up"], {"HTTP_PORT": "eighty"}, 'HTTP_PORT is "eighty"'),
        (["up", "--config", "none.toml"], {}, "There is no none.toml"),
        (["--config", "none.toml", "settle"], {}, "There is no none.toml"),
    ],
)
def test_refuses_to_start(folder: Path, words: list[str], variables: dict[str, str], said: str) -> None:
    """What must not run together, or is set wrongly, is refused in one line, without a secret's value."""
    line = Terminal(folder, variables).refused(*words)
    assert said in line
    assert "hush" not in line


def test_database_of_a_newer_version_ends_the_start(folder: Path) -> None:
    """A database that this program is too old for is left alone, with one clear line."""
    terminal = Terminal(folder, {"HTTP_PORT": "0"})
    terminal.ok("migrate")
    with closing(sqlite3.connect(folder / "earnings-desk.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for words in (["up"], ["ask", "/help", "--as", "x"], ["verify"], ["migrate"]):
        assert "belongs to a newer Earnings Desk" in terminal.refused(*words)


def test_database_of_an_older_version(folder: Path) -> None:
    """Commands refuse a schema that is behind and say what to run; nothing is half done."""
    terminal = Terminal(folder)
    terminal.ok("migrate")
    with closing(sqlite3.connect(folder / "earnings-desk.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    assert "Run: earnings-desk migrate" in terminal.refused("ask", "/help", "--as", "x")
    assert "database" in terminal.refused("doctor")


def test_waits_for_a_database_that_is_gone(folder: Path, postgres_socket: str) -> None:
    """`up` without its database is alive but not ready, says so, and starts once the database is there."""
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres_socket}", autocommit=True) as connection:
        connection.execute("CREATE DATABASE service_test")
    elsewhere = folder / "socket"
    variables = {"DATABASE_URL": f"postgresql://postgres@/service_test?host={elsewhere}"}
    with listen("127.0.0.1", 0) as free:
        variables["HTTP_PORT"] = str(free.getsockname()[1])
    where = f"http://127.0.0.1:{variables['HTTP_PORT']}"
    with process(folder, "up", **variables) as up:
        up.until("doesn't answer; trying again")
        assert get(f"{where}/healthz")[0] == 200
        status, body = get(f"{where}/readyz")
        assert (status, json.loads(body)["checks"]) == (503, {"database": "no answer", "desk": "not connected"})
        elsewhere.symlink_to(postgres_socket)  # the server is back
        up.until("ready", 60)
        deadline = time.monotonic() + 10
        while get(f"{where}/readyz")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        elsewhere.unlink()
        ended, seconds = up.stop()
    assert ended == 0
    assert seconds < PROMPT
    assert "Traceback" not in up.output


def test_stops_while_it_waits(folder: Path) -> None:
    """SIGTERM ends the waiting for a database, too."""
    with process(folder, "up", HTTP_PORT="0", DATABASE_URL=f"postgresql://u:hush@/d?host={folder}") as up:
        up.until("trying again")
        ended, seconds = up.stop()
    assert (ended, seconds < PROMPT) == (0, True)
    assert "hush" not in up.output
