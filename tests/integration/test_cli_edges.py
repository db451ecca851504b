"""The command line at its edges: times, links, databases that are not there, names that change."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.desk_programs import KINDS
from bot.lock import AlreadyRunning, NoPlace, sole_service
from core.people import ROLES
from tests.commands import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An empty folder."""
    return Terminal(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that `init` made, with one creator; copied for each test."""
    terminal = Terminal(tmp_path_factory.mktemp("made"))
    terminal.ok("init")
    (terminal.folder / "creators.csv").write_text("creator_id,name,country\nada,Ada,DE\n", encoding="utf-8")
    terminal.ok("import", "creators", "creators.csv")
    return terminal.folder


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Terminal:
    """A desk with one creator."""
    return Terminal(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_a_moment_at_the_edge_of_time(desk: Terminal, moment: str) -> None:
    """A time outside the years 1970 to 9000 is a mistake of whoever typed it, not a fault of the desk."""
    result = desk.run("settle", "--at", moment)
    assert result.status == 2, result
    assert "not between the years 1970 and 9000" in " ".join(result.err.replace("│", " ").split())


def test_exports_up_to_the_last_day(desk: Terminal) -> None:
    """`export --to 9999-12-31` leaves the end open for everything that can be exported."""
    for what in ("journal", "transactions", "payouts", "audit"):
        desk.ok("export", what, "--to", "9999-12-31")


def test_one_service_by_any_name(tmp_path: Path) -> None:
    """A database that is called by a link, or by a way round, is the same one: a second service is refused."""
    database = tmp_path / "desk.db"
    database.touch()
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "other.db"
    link.symlink_to(database)
    with sole_service(f"sqlite:///{database}"):
        for path in (link, tmp_path / "folder" / ".." / "desk.db"):
            with pytest.raises(AlreadyRunning), sole_service(f"sqlite:///{path}"):
                pass
    with sole_service(f"sqlite:///{link}"), pytest.raises(AlreadyRunning), sole_service(f"sqlite:///{database}"):
        pass


def test_links_in_a_circle(tmp_path: Path) -> None:
    """A database that is a link to itself is refused in words."""
    link = tmp_path / "desk.db"
    link.symlink_to(link)
    with pytest.raises(NoPlace, match="can't be opened"), sole_service(f"sqlite:///{link}"):
        pass


def test_a_creators_person_is_renamed_aloud(desk: Terminal) -> None:
    """Naming a person who has a name already says so, in the answer and in the audit trail."""
    assert desk.ok("person", "add", "Boss", "--creator", "ada", "--role", ROLES[0]).startswith("Added Boss")
    said = desk.ok("person", "add", "AdaAppr", "--creator", "ada")
    assert said == "Renamed Boss to AdaAppr; roles are now approver.\n"
    assert 'person.rename,AdaAppr,"Boss → AdaAppr, creator ada"' in desk.ok("export", "audit")


@pytest.mark.parametrize(
    "words",
    [
        ("verify",),
        ("export", "journal"),
        ("payouts", "list"),
        ("person", "list"),
        ("api-key", "list"),
        ("ask", "/balance", "--as", "ada"),
    ],
)
def test_looking_makes_no_desk(desk: Terminal, words: tuple[str, ...]) -> None:
    """A command that looks at a mistyped or empty database says that no desk is there, and makes none."""
    typo = Terminal(desk.folder, {"DATABASE_URL": "sqlite:///earnings-dsek.db"})
    refusal = "There is no desk in DATABASE_URL sqlite:///earnings-dsek.db; `earnings-desk init` makes one."
    assert refusal in typo.refused(*words)
    assert list(desk.folder.glob("earnings-dsek*")) == []
    (desk.folder / "earnings-dsek.db").touch()
    assert refusal in typo.refused(*words)
    assert _tables(desk.folder / "earnings-dsek.db") == []


def test_somebody_elses_database_is_not_filled(desk: Terminal) -> None:
    """A database with tables of another program gets none of ours, whatever is asked for."""
    path = desk.folder / "theirs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    other = Terminal(desk.folder, {"DATABASE_URL": f"sqlite:///{path}"})
    for words in (("verify",), ("migrate",), ("person", "add", "Mira"), ("settle",)):
        assert "a table 'recipes' that this program did not make" in other.refused(*words)
    assert _tables(path) == ["recipes"]


def test_looking_waits_for_nobody(desk: Terminal) -> None:
    """While another process writes, what only looks answers at once."""
    desk.ok("ask", "/balance", "--as", "ada")  # Ada's first question makes her person
    desk.ok("person", "add", "Mira", "--role", "approver")
    with closing(sqlite3.connect(desk.folder / "earnings-desk.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        desk.ok("verify")
        desk.ok("payouts", "list")
        desk.ok("ask", "/balance", "--as", "ada")
        desk.ok("ask", "/help", "--as", "Mira")
        assert time.monotonic() - began < 20  # a writer would wait for 30 seconds
        writer.execute("ROLLBACK")


def _tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def test_init_writes_once(terminal: Terminal) -> None:
    """`init` writes a configuration that works, and never over one."""
    assert "earnings-desk.toml" in terminal.refused("settle")
    terminal.ok("init")
    assert "is there already" in terminal.refused("init")
    terminal.ok("--config", "other.toml", "init")
    assert terminal.json("settle", "--config", "other.toml") == {"programs": [], "payouts": []}
    assert terminal.json("--config", "other.toml", "settle") == {"programs": [], "payouts": []}
    written = (terminal.folder / "other.toml").read_text(encoding="utf-8")
    assert all(f'kind = "{kind}"' in written for kind in KINDS)


def test_migrate(terminal: Terminal) -> None:
    """`migrate` needs no configuration, and says what it did."""
    first = terminal.json("migrate")
    assert isinstance(first, dict)
    assert first["before"] == "empty"
    assert "already" in terminal.ok("migrate")


def test_doctor_before_any_usage(terminal: Terminal) -> None:
    """A desk without usage waits for the first, and nothing is to be done about it."""
    terminal.ok("init")
    found = terminal.json("doctor")
    assert isinstance(found, dict)
    waits = [one for one in found["checks"] if one["name"].startswith("settlement of")]
    assert [(one["status"], one["detail"]) for one in waits] == [("ok", "waits for the first usage")] * 2


def test_a_path_is_no_address(terminal: Terminal) -> None:
    """A database given as a path is refused with what an address looks like, by the demo as by every command."""
    such = "takes an address such as sqlite:///demo.db or postgresql://"
    assert f"--database {such}" in terminal.refused("demo", "--no-open", "--port", "0", "--database", "/x/y.db")
    terminal.ok("init")
    terminal.variables["DATABASE_URL"] = "/x/y.db"
    assert f"DATABASE_URL {such}" in terminal.refused("settle")


def test_other_faults_of_the_database(terminal: Terminal) -> None:
    """Gone, damaged, foreign, unreachable: one line each, with what to look at, and no password."""
    terminal.ok("init")
    terminal.variables["DATABASE_URL"] = "sqlite:///no/such/folder/desk.db"
    assert "can't be opened" in terminal.refused("settle")
    (terminal.folder / "text.db").write_text("this is no database at all, but it is long enough" * 50, encoding="utf-8")
    terminal.variables["DATABASE_URL"] = "sqlite:///text.db"
    assert "no SQLite database" in terminal.refused("settle")
    with closing(sqlite3.connect(terminal.folder / "foreign.db")) as foreign:
        foreign.execute("CREATE TABLE account (id INTEGER)")
    terminal.variables["DATABASE_URL"] = "sqlite:///foreign.db"
    assert "did not make" in terminal.refused("settle")
    terminal.variables["DATABASE_URL"] = f"postgresql://me:hush@/desk?host={terminal.folder}"
    line = terminal.refused("settle")
    assert "doesn't answer" in line
    assert "hush" not in line


def test_wrong_usage(terminal: Terminal) -> None:
    """Unknown commands and options end with status 2."""
    assert terminal.run("nonsense").status == 2
    assert terminal.run("settle", "--nonsense").status == 2
    assert terminal.run("payouts", "mark-paid").status == 2
    assert terminal.run("payouts", "list", "--state", "lost").status == 2
    assert terminal.run("--help").status == 0
