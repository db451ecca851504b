"""The playground from outside: what a browser sends, and what other sites might."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from adapters.web.measured import Measured, command_name
from adapters.web.metrics import Metrics
from adapters.web.playground import (
    GUEST,
    PLATFORM,
    WORKSPACE,
    NextToRealTokens,
    NotLoopback,
    Playground,
    refuse_real_tokens,
    require_loopback,
)
from adapters.web.playground import journal as books
from core import people
from core.chat.cards import Card, Chart, Point
from core.chat.registry import File, Reply
from core.ledger import accounts, journal
from core.people import Identity
from core.storage import Database
from tests.integration.playground.conftest import (
    ADA,
    NOW,
    OWN,
    REGISTRY,
    FakeDesk,
    frames,
    plain,
)

RUN = {"person": "ada", "surface": "dm", "text": "/balance"}


def test_the_page_and_all_it_needs_come_from_here(web: TestClient) -> None:
    """No address of another machine stands in any file of the page, and the policy would not allow one."""
    page = web.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for path in [part.split('"')[0] for part in page.text.split('"/playground/static/')[1:]]:
        answer = web.get(f"/playground/static/{path}")
        assert answer.status_code == 200
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text


def test_people_come_from_the_server(web: TestClient) -> None:
    """The switch shows who is linked here, and the newcomer."""
    said = web.get("/playground/people").json()["people"]
    assert [(one["name"], one["about"], one["approver"]) for one in said] == [
        ("Ada", "Creator", False),
        ("Mira", "Approver", True),
        ("Tom", "Approver", True),
        ("Newcomer", "Not linked yet", False),
    ]


def test_a_line_is_run_as_the_person_who_typed_it(web: TestClient, desk: FakeDesk) -> None:
    """The command reaches the desk with the playground's identity of that person."""
    assert web.post("/playground/run", json=RUN, headers=OWN).status_code == 204
    assert desk.heard[0][1:3] == (Identity(PLATFORM, "ada", WORKSPACE), "/balance")


@pytest.mark.parametrize(
    "headers",
    [
        OWN | {"Host": "evil.example"},
        OWN | {"Host": "127.0.0.1.evil.example:8321"},
        OWN | {"Host": "10.0.0.5:8321"},
        OWN | {"Host": ""},
        OWN | {"Origin": "http://evil.example"},
        OWN | {"Origin": "http://127.0.0.1:9999"},
        OWN | {"Origin": "null"},
        OWN | {"Sec-Fetch-Site": "cross-site"},
        OWN | {"Sec-Fetch-Site": "same-site"},
        {"Host": "127.0.0.1:8321"},
        OWN | {"X-Earnings-Desk": "x"},
        OWN | {"Content-Length": "9999999"},
    ],
)
def test_other_sites_get_nothing_done(web: TestClient, desk: FakeDesk, headers: dict[str, str]) -> None:
    """Another name for this machine, another origin, a form on another site, a body too large: 403, and no command."""
    for path in ("run", "press", "jump", "both", "link-code", "suggest"):
        assert web.post(f"/playground/{path}", json=RUN, headers=headers).status_code == 403
    assert not desk.heard


@pytest.mark.parametrize("path", ["/", "/playground/people", "/playground/events", "/playground/static/js/main.js"])
def test_other_names_and_sites_read_nothing(web: TestClient, path: str) -> None:
    """A page elsewhere that points its own name here reads nothing; a link to the page may be followed."""
    assert web.get(path, headers={"Host": "evil.example"}).status_code == 403
    assert web.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert web.get("/", headers=followed).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1", "127.1.2.3:80", "[::1]:8321"])
def test_every_name_of_this_machine_will_do(web: TestClient, host: str) -> None:
    """Loopback in all its spellings."""
    assert web.get("/playground/people", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("text", ["\\ud800", "/\\ud83d", "/balance \\u0000", "/\\u202e\\u2028", "\\ud83d\\ude00"])
async def test_no_text_breaks_the_stream(web: TestClient, playground: Playground, text: str) -> None:
    """Half characters, control characters, line separators: refused or shown, and the next page still opens."""
    body = f'{{"person": "ada", "surface": "earnings", "text": "{text}"}}'
    answer = web.post("/playground/run", content=body, headers=OWN | {"Content-Type": "application/json"})
    assert answer.status_code in (204, 422)
    async for kind, _ in frames(playground):
        assert kind == "state"
        break


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("run", RUN | {"person": "nobody"}, 404),
        ("run", RUN | {"surface": "random"}, 422),
        ("run", RUN | {"text": "   "}, 422),
        ("run", RUN | {"text": "x" * 5000}, 422),
        ("run", [], 422),
        ("press", RUN, 422),
        ("both", {}, 409),
        ("jump", {}, 409),
        ("nothing", {}, 404),
    ],
)
def test_requests_that_make_no_sense_say_so(web: TestClient, path: str, body: object, status: int) -> None:
    """A sentence for the page to show, in every case."""
    answer = web.post(f"/playground/{path}", json=body, headers=OWN)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_completions_are_asked_as_the_person(web: TestClient) -> None:
    """What may be completed depends on who types."""
    answer = web.post("/playground/suggest", json={"person": "ada", "text": "/ba"}, headers=OWN)
    assert answer.json() == {"suggestions": [{"value": "/balance ", "label": "/balance", "hint": "for ada"}]}


def test_the_newcomer_gets_a_code_as_from_the_account_page(web: TestClient, world: Database) -> None:
    """It belongs to a creator whom nobody has linked, and links like any other."""
    said = web.post("/playground/link-code", json={}, headers=OWN).json()
    assert said["name"] == "Bob"
    with world.transaction() as session:
        outcome = people.link(session, NOW, Identity(PLATFORM, GUEST, WORKSPACE), said["code"])
        assert outcome.actor is not None
        assert outcome.actor.creator_id == "bob"
    answer = web.post("/playground/link-code", json={}, headers=OWN)
    assert answer.status_code == 409


def test_charts_and_files_of_a_reply_can_be_fetched(web: TestClient, playground: Playground, desk: FakeDesk) -> None:
    """A chart is a PNG in the page's colours with its words as alt; a file is a download with its own bytes."""
    chart = Chart("bar", "by-day", "Rises to $8.00.", (Point("12 Jan", "8.00"),), "usd")
    data = b"source,amount\n'=1+1,5.00\n"
    desk.next_reply = Reply(Card("Stats", blocks=(chart,)), (File("täglich ü.csv", data, "text/csv"),))
    web.post("/playground/run", json=RUN, headers=OWN)
    post = plain(playground.timeline.as_json(list(playground.timeline.posts.values())[-1]))
    block = post["card"]["blocks"][0]
    assert block["alt"] == "Rises to $8.00."
    for theme in ("light", "dark", "card"):
        picture = web.get(f"{block['src']}?theme={theme}")
        assert picture.headers["content-type"] == "image/png"
        assert picture.content.startswith(b"\x89PNG")
    assert web.get("/playground/charts/" + "0" * 32 + ".png").status_code == 404
    file = post["files"][0]
    answer = web.get(file["url"])
    assert answer.content == data
    assert answer.headers["content-disposition"] == "attachment"
    assert next(csv.reader(answer.text.splitlines())) == ["source", "amount"]
    assert web.get("/playground/files/guessed/x.csv").status_code == 404


def test_an_entry_unfolds(web: TestClient, world: Database) -> None:
    """The transfers of a long entry are fetched when asked for."""
    with world.transaction() as session:
        usage = accounts.open_account(session, "studio", "usage")
        ada = accounts.open_account(session, "studio", "available", "ada")
        journal.post(session, "k1", "settlement", NOW, [journal.Move(usage, ada, 1 + n) for n in range(12)])
    with world.reading() as session:
        entry = plain(books.newest(session))["entries"][0]
    assert (len(entry["transfers"]), entry["count"]) == (8, 12)
    answer = web.get(f"/playground/journal/{entry['id']}").json()
    assert len(answer["transfers"]) == 12


def test_it_refuses_to_run_next_to_real_accounts() -> None:
    """Real tokens are named (never shown), and only this machine may listen."""
    refuse_real_tokens([])
    with pytest.raises(NextToRealTokens, match="unset DISCORD_TOKEN, SLACK_BOT_TOKEN"):
        refuse_real_tokens(["SLACK_BOT_TOKEN", "DISCORD_TOKEN"])
    for host in ("127.0.0.1", "localhost", "::1"):
        require_loopback(host)
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.com", ""):  # noqa: S104 - refused
        with pytest.raises(NotLoopback):
            require_loopback(host)


async def test_commands_are_counted_by_declared_names_only(desk: FakeDesk) -> None:
    """What people make up does not become a label; refusals are told from answers."""
    metrics = Metrics()
    measured = Measured(desk, metrics)
    who, where = Identity(PLATFORM, "ada", WORKSPACE), ADA
    await measured.run(who, "/balance please", where)
    await measured.run(who, "/desk approve 12", where)
    desk.next_reply = replace(desk.next_reply, ok=False)
    await measured.run(who, '/{evil="label"}', where)
    await measured.press(who, "made.up", "1", {}, where)
    await measured.press(who, "page", "/balance", {}, where)
    page = metrics.text().decode()
    for labels in (
        'command="/balance",outcome="ok"',
        'command="/desk approve",outcome="ok"',
        'command="page",outcome="refused"',
    ):
        assert f'earnings_desk_commands_total{{{labels},platform="playground"}} 1.0' in page
    assert 'earnings_desk_commands_total{command="unknown",outcome="refused",platform="playground"} 2.0' in page
    assert command_name(REGISTRY, "  /Balance ") == "/balance"
    assert command_name(REGISTRY, "") == "unknown"
