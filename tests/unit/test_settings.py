"""Settings: what is wrong is named, with what would be right; what is secret is never shown."""

from __future__ import annotations

import datetime as dt
import re
import traceback
from pathlib import Path

import pytest

from bot.settings import DiscordSettings, NoConfig, Secret, Settings, WrongSettings, load, tokens_present
from bot.starter import STARTER
from core.config import Method, Terms

NONE = Path("no-such.env")

MINIMAL = """
[programs.studio]
kind = "credits"
[[programs.studio.terms]]
from = 2025-01-01
"""


def read(tmp_path: Path, text: str, environment: dict[str, str] | None = None, dotenv: str | None = None) -> Settings:
    """The settings that a file with this text, these variables and this .env give."""
    config = tmp_path / "earnings-desk.toml"
    config.write_text(text, encoding="utf-8")
    secrets = tmp_path / ".env"
    if dotenv is not None:
        secrets.write_text(dotenv, encoding="utf-8")
    return load(config, environment or {}, secrets)


def faults(tmp_path: Path, text: str, environment: dict[str, str] | None = None, dotenv: str | None = None) -> str:
    """What the refusal says."""
    with pytest.raises(WrongSettings) as refused:
        read(tmp_path, text, environment, dotenv)
    assert "\n" not in refused.value.text
    return refused.value.text


def test_starter_is_the_documented_default(tmp_path: Path) -> None:
    """What `init` writes is valid and says the same as interfaces.md's example."""
    settings = read(tmp_path, STARTER)
    studio = settings.desk.programs["studio"]
    assert settings.desk.name == "Creator Studio"
    assert settings.desk.two_person_from_micros == 500_000_000
    assert settings.desk.link_wait == dt.timedelta(hours=24)
    assert studio.terms == (Terms(dt.date(2025, 1, 1), 5000, 100, 50_000_000),)
    assert (studio.settle_at, studio.late_days) == (dt.time(3), 31)
    assert settings.desk.methods == (Method("manual", "manual", ("*",), 0, 0, (1, 3), None, "Bank transfer"),)
    assisters = settings.desk.programs["assisters"]
    assert assisters.terms == (Terms(dt.date(2025, 1, 1), 7000, minimum_micros=10_000_000),)
    assert (assisters.payout_day, assisters.holidays, assisters.business_days) == (None, "US", (5, 7))
    assert settings.database_url == Secret("sqlite:///earnings-desk.db")


def test_terms_are_sorted_and_exact(tmp_path: Path) -> None:
    """Dated terms come in order; shares become basis points and money micro-dollars, without a float."""
    text = MINIMAL + '[[programs.studio.terms]]\nfrom = "2024-06-01"\nshare = "12.5%"\nminimum = "1,000.10"\n'
    terms = read(tmp_path, text).desk.programs["studio"].terms
    assert [one.valid_from for one in terms] == [dt.date(2024, 6, 1), dt.date(2025, 1, 1)]
    assert (terms[0].share_bp, terms[0].minimum_micros) == (1250, 1_000_100_000)


def test_several_methods_get_names(tmp_path: Path) -> None:
    """Methods without a name get one each; the first is `manual`."""
    text = MINIMAL + '[[rails.manual]]\n[[rails.manual]]\ncountries = ["US", "DE"]\nfee = "1.50"\nholidays = "DE"\n'
    first, second = read(tmp_path, text).desk.methods
    assert (first.name, second.name) == ("manual", "manual-2")
    assert (second.fee_micros, second.holidays, second.countries) == (1_500_000, "DE", ("US", "DE"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('[desk]\nnmae = "x"', "desk.nmae is unknown; did you mean name?"),
        ("[desk]\nname = 7", "desk.name is 7"),
        ('[desk]\nname = "  "', "desk.name is"),
        ('[desk]\ncurrency = "EUR"', 'desk.currency is "EUR"; known here: USD'),
        ("[desk]\ntwo_person_from = 500.0", "desk.two_person_from is 500.0; write dollars and cents as text"),
        ('[desk]\ntwo_person_from = "-5"', 'desk.two_person_from is "-5"'),
        ('[desk]\ntwo_person_from = "5.001"', 'desk.two_person_from is "5.001"'),
        ("[desk]\nlink_wait_hours = -1", "desk.link_wait_hours is -1; write a whole number from 0"),
        ("[desk]\nlink_wait_hours = true", "desk.link_wait_hours is"),
        ("[rials]", "rials is unknown; did you mean rails?"),
        ("desk = 5", "desk is not a table"),
        ("[programs.Studio]\nkind = 'credits'", "programs.Studio is no program name"),
        ("[programs.more]\nkind = 'credit'\n[[programs.more.terms]]\nfrom = 2025-01-01", "did you mean credits?"),
        ("[programs.more]\n[[programs.more.terms]]\nfrom = 2025-01-01", "programs.more.kind is missing"),
        ("[programs.more]\nkind = 'credits'", "programs.more.terms is missing"),
        ("[programs.more]\nkind = 'credits'\nterms = 3", "programs.more.terms is no list of tables"),
        ("[rails.stripe]\ncountries = ['*']", "rails.stripe is a way to pay that this version can't use yet"),
        ("[rails.sepa]", "rails.sepa is a way to pay that this version can't use yet"),
        ("[rails.manual]\nfee = '0.00'", "rails.manual is no list of tables; write [[rails.manual]]"),
        ("[[rails.manual]]\ncountries = ['usa']", "rails.manual[1].countries"),
        ("[[rails.manual]]\ncountries = []", "rails.manual[1].countries"),
        ("[[rails.manual]]\nbusiness_days = [3, 1]", "rails.manual[1].business_days is [3, 1]"),
        ("[[rails.manual]]\nbusiness_days = 3", "rails.manual[1].business_days is 3"),
        ("[[rails.manual]]\nholidays = 'XX'", 'rails.manual[1].holidays is "XX"'),
        ("[[rails.manual]]\nname = 'No Good'", 'rails.manual[1].name is "No Good"'),
        ("[[rails.manual]]\nname = 'a'\n[[rails.manual]]\nname = 'a'", 'rails.manual[2].name is "a" again'),
    ],
)
def test_each_fault_is_named(tmp_path: Path, line: str, said: str) -> None:
    """A wrong or unknown setting is named, with its fault and what would be right."""
    text = f"{line}\n{MINIMAL}" if line == "desk = 5" else f"{MINIMAL}\n{line}\n"
    assert said in faults(tmp_path, text)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('share = "half"', 'terms[1].share is "half"; write a share from 0% to 100% as text'),
        ('share = "101%"', "terms[1].share"),
        ("share = 0.5", "terms[1].share is 0.5"),
        ("credits_per_usd = 0", "terms[1].credits_per_usd is 0"),
        ("minimum = 50", "terms[1].minimum is 50; write dollars and cents as text"),
        ('referral = "20%"', "terms[1].referral is unknown"),
    ],
)
def test_each_fault_of_terms_is_named(tmp_path: Path, setting: str, said: str) -> None:
    """The same holds for dated terms, which are counted from 1."""
    assert f"programs.studio.{said}" in faults(tmp_path, f"{MINIMAL}{setting}\n")


def test_terms_need_dates_of_their_own(tmp_path: Path) -> None:
    """Two terms from the same day, or terms from none, are faults."""
    assert "terms[2].from is 2025-01-01 again" in faults(
        tmp_path, f"{MINIMAL}[[programs.studio.terms]]\nfrom = 2025-01-01\n"
    )
    assert "terms[2].from is missing" in faults(tmp_path, f"{MINIMAL}[[programs.studio.terms]]\nshare = '1%'\n")
    assert 'terms[2].from is "soon"' in faults(tmp_path, f"{MINIMAL}[[programs.studio.terms]]\nfrom = 'soon'\n")


def test_program_settings_are_checked(tmp_path: Path) -> None:
    """The hour of settlement and the days for late usage are checked too."""
    text = MINIMAL.replace('kind = "credits"', 'kind = "credits"\nsettle_at = "25:00"\nlate_days = "x"')
    said = faults(tmp_path, text)
    assert 'programs.studio.settle_at is "25:00"' in said
    assert 'programs.studio.late_days is "x"' in said


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """One start names every fault, of the file and of the environment."""
    said = faults(tmp_path, "[desk]\ncurency = 'USD'\nname = 1\n", {"HTTP_PORT": "http", "LOG_FORMAT": "xml"})
    for part in ("desk.curency", "desk.name", "programs is missing", "HTTP_PORT", "LOG_FORMAT"):
        assert part in said


ASSISTANTS = """
[programs.helpers]
kind = "assistants"
payout_day = 3
holidays = "DE"
[[programs.helpers.terms]]
from = 2025-01-01
share = "65%"
referral = "12.5%"
minimum_price_per_million = "4.00"
minimum = "20.00"
"""


def test_assistants(tmp_path: Path) -> None:
    """Kind `assistants` has a payout day, a country of holidays, days until money arrives, and terms of its own."""
    found = read(tmp_path, MINIMAL + ASSISTANTS).desk.programs["helpers"]
    assert (found.payout_day, found.holidays, found.business_days) == (3, "DE", (5, 7))
    assert found.terms == (
        Terms(dt.date(2025, 1, 1), 6500, minimum_micros=20_000_000, referral_bp=1250, minimum_price=4_000_000),
    )
    first = ASSISTANTS.replace("payout_day = 3", 'payout_day = "first-business-day"')
    plain = re.sub(r"(?m)^(share|referral|minimum).*$", "", first)
    found = read(tmp_path, MINIMAL + plain).desk.programs["helpers"]
    assert found.payout_day is None
    assert found.terms == (
        Terms(dt.date(2025, 1, 1), 7000, minimum_micros=10_000_000, referral_bp=2000, minimum_price=3_750_000),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("payout_day = 3", "payout_day = 8", 'programs.helpers.payout_day is 8; write "first-business-day", or a day'),
        ("payout_day = 3", "payout_day = true", "programs.helpers.payout_day is True"),
        ('holidays = "DE"', 'holidays = "ZZ"', 'programs.helpers.holidays is "ZZ"; write a country'),
        ("payout_day = 3", "business_days = [7, 5]", "write the fewest and the most, such as [5, 7]"),
        ('referral = "12.5%"', "credits_per_usd = 100", "programs.helpers.terms[1].credits_per_usd is unknown"),
        ('"4.00"', "4", "minimum_price_per_million is 4; write dollars and cents as text"),
    ],
)
def test_assistants_faults(tmp_path: Path, old: str, new: str, said: str) -> None:
    """What is wrong with a program of assistants is named; settings of the other kind are unknown there."""
    assert said in faults(tmp_path, MINIMAL + ASSISTANTS.replace(old, new))


def test_missing_file(tmp_path: Path) -> None:
    """Without a file the refusal says how to get one; commands that need none take the default."""
    with pytest.raises(NoConfig, match="`earnings-desk init` writes one"):
        load(tmp_path / "none.toml", {}, NONE)


def test_missing_default_file_is_no_fault_for_those_who_need_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`migrate` and the like work beside a database alone."""
    monkeypatch.chdir(tmp_path)
    settings = load(None, {}, NONE, need_config=False)
    assert settings.config_path is None
    assert settings.desk.programs == {}


@pytest.mark.parametrize("text", ["[desk", "name = ", "\x00"])
def test_broken_toml(tmp_path: Path, text: str) -> None:
    """A file that is no TOML is refused with the place of the fault."""
    assert "is no TOML" in faults(tmp_path, text)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    """A file that is not UTF-8, or a folder, is refused."""
    config = tmp_path / "earnings-desk.toml"
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WrongSettings, match="it is not UTF-8"):
        load(config, {}, NONE)
    with pytest.raises(WrongSettings, match="can't be read"):
        load(tmp_path, {}, NONE)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HTTP_PORT": "70000"}, 'HTTP_PORT is "70000"; write a port number'),
        ({"HTTP_PORT": "-1"}, "HTTP_PORT"),
        ({"LOG_FORMAT": "yaml"}, 'LOG_FORMAT is "yaml"; write console or json'),
        ({"SLACK_API_URL": "slack.com"}, "SLACK_API_URL is no address; begin with https:// or http://"),
        ({"DISCORD_GATEWAY_URL": "https://x"}, "DISCORD_GATEWAY_URL is no address; begin with wss:// or ws://"),
        ({"SLACK_BOT_TOKN": "x"}, "SLACK_BOT_TOKN is unknown; did you mean SLACK_BOT_TOKEN?"),
        ({"DATABASE_URI": "sqlite:///x"}, "DATABASE_URI is unknown; did you mean DATABASE_URL?"),
        ({"DATABASE_URL": "mysql://root:hunter2@host/x"}, "DATABASE_URL takes an address such as"),
        ({"DATABASE_URL": "postgresql://user:hunter2@host:port/x"}, "DATABASE_URL takes an address such as"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL takes an address such as"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL takes an address such as"),
    ],
)
def test_environment_faults(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    """Variables are checked too; what belongs to other programs is left alone; no secret is repeated."""
    told = faults(tmp_path, MINIMAL, environment | {"HTTP_PROXY": "http://proxy", "PATH": "/bin"})
    assert said in told
    assert "hunter2" not in told
    assert "HTTP_PROXY" not in told


KEY = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="
OTHER_KEY = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
MANY = {
    "SLACK_CLIENT_ID": "111.222",
    "SLACK_CLIENT_SECRET": "0123456789abcdef0123456789abcdef",
    "SLACK_TOKEN_KEY": f"{KEY}, {OTHER_KEY}",
    "SLACK_APP_TOKEN": "xapp-1",
    "PUBLIC_URL": "https://desk.example.com/",
}
BOT = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}


def test_slack_of_one_workspace(tmp_path: Path) -> None:
    """A bot token makes one workspace: over Socket Mode with an app-level token, else over HTTP; none makes none."""
    slack = read(tmp_path, MINIMAL, BOT | {"SLACK_API_URL": "http://127.0.0.1:9/api"}).slack
    assert slack is not None
    assert (slack.transport, slack.many, slack.api_url) == ("socket", False, "http://127.0.0.1:9/api/")
    assert (slack.bot_token.reveal(), slack.app_token.reveal()) == ("xoxb-1", "xapp-1")
    over_http = read(tmp_path, MINIMAL, {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}).slack
    assert over_http is not None
    assert (over_http.transport, over_http.api_url) == ("http", "https://slack.com/api/")
    assert read(tmp_path, MINIMAL, {"SLACK_API_URL": "https://slack.com/api/"}).slack is None


def test_slack_of_many_workspaces(tmp_path: Path) -> None:
    """A client id makes many; the first key encrypts, and the public address has no slash at its end."""
    slack = read(tmp_path, MINIMAL, MANY).slack
    assert slack is not None
    assert slack.many
    assert [key.reveal() for key in slack.token_keys] == [KEY, OTHER_KEY]
    assert (slack.client_id, slack.public_url) == ("111.222", "https://desk.example.com")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"SLACK_BOT_TOKEN": "xoxb-hush"},
            "SLACK_BOT_TOKEN is set, but nothing says how Slack reaches the desk; set SLA",
        ),
        (
            BOT | {"SLACK_BOT_TOKEN": "xoxp-hush"},
            "SLACK_BOT_TOKEN doesn't start with xoxb- (it looks like a user token)",
        ),
        (BOT | {"SLACK_BOT_TOKEN": "xoxe.xoxb-1-hush"}, "every 12 hours); turn token rotation off"),
        (
            BOT | {"SLACK_APP_TOKEN": "xoxb-hush"},
            "SLACK_APP_TOKEN doesn't start with xapp- (it looks like a bot token)",
        ),
        (BOT | {"SLACK_APP_TOKEN": "hush"}, "SLACK_APP_TOKEN doesn't start with xapp-; make an app-level token"),
        (BOT | {"SLACK_SIGNING_SECRET": "xapp-hush"}, "SLACK_SIGNING_SECRET looks like an app-level token"),
        ({"SLACK_APP_TOKEN": "xapp-hush"}, "SLACK_APP_TOKEN is set, but not which workspace it is for"),
        (BOT | MANY, "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set; keep"),
        ({**MANY, "SLACK_CLIENT_SECRET": ""}, "SLACK_CLIENT_ID is set, but not SLACK_CLIENT_SECRET"),
        ({**MANY, "SLACK_TOKEN_KEY": ""}, "SLACK_CLIENT_ID is set, but not SLACK_TOKEN_KEY; make one with: openssl"),
        ({**MANY, "PUBLIC_URL": ""}, "SLACK_CLIENT_ID is set, but not PUBLIC_URL"),
        ({**MANY, "SLACK_APP_TOKEN": ""}, "SLACK_CLIENT_ID is set, but nothing says how Slack reaches the desk"),
        ({**MANY, "SLACK_TOKEN_KEY": "hush"}, "SLACK_TOKEN_KEY is no key (32 bytes in URL-safe base64); make one"),
        ({**MANY, "SLACK_TOKEN_KEY": f"{KEY},hush"}, "SLACK_TOKEN_KEY holds something that is no key"),
        ({**MANY, "PUBLIC_URL": "desk.example.com"}, "PUBLIC_URL is no address"),
        ({**MANY, "PUBLIC_URL": "http://desk.example.com"}, "PUBLIC_URL begins with http://; Slack sends"),
    ],
)
def test_slack_faults(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    """What is missing, contradicts or was mixed up is named, with what would be right and never with its value."""
    told = faults(tmp_path, MINIMAL, environment)
    assert said in told
    assert "hush" not in told


DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.G-hush.hush_hush-hush"  # in front: 123456789012345678


def test_discord_settings(tmp_path: Path) -> None:
    """A bot's token makes Discord, at its own address unless another is named; without one there is no Discord."""
    own = read(tmp_path, MINIMAL, {"DISCORD_TOKEN": DISCORD_TOKEN}).discord
    assert own == DiscordSettings(Secret(DISCORD_TOKEN), "https://discord.com/api/v10", "")
    addresses = {"DISCORD_API_URL": "http://127.0.0.1:9/api/", "DISCORD_GATEWAY_URL": "ws://127.0.0.1:9"}
    other = read(tmp_path, MINIMAL, addresses | {"DISCORD_TOKEN": DISCORD_TOKEN}).discord
    assert other == DiscordSettings(Secret(DISCORD_TOKEN), "http://127.0.0.1:9/api/v10", "ws://127.0.0.1:9")
    assert read(tmp_path, MINIMAL, addresses).discord is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DISCORD_TOKEN": f"Bot {DISCORD_TOKEN}"}, 'DISCORD_TOKEN begins with "Bot "; write the token alone'),
        ({"DISCORD_TOKEN": f"bearer {DISCORD_TOKEN}"}, 'DISCORD_TOKEN begins with "Bearer "; write the token alone'),
        ({"DISCORD_TOKEN": "Bearer hush"}, "DISCORD_TOKEN looks like an OAuth2 token; copy the token from"),
        ({"DISCORD_TOKEN": "hu5h" * 7 + "hu"}, "DISCORD_TOKEN is no bot token (it looks like an OAuth2 token)"),
        ({"DISCORD_TOKEN": "hu_5" * 8}, "DISCORD_TOKEN is no bot token (it looks like a client secret)"),
        ({"DISCORD_TOKEN": "0123456789abcdef" * 4}, "DISCORD_TOKEN is no bot token (it looks like a public key)"),
        ({"DISCORD_TOKEN": "123456789012345678"}, "DISCORD_TOKEN is no bot token (it looks like an application id)"),
        ({"DISCORD_TOKEN": "mfa.hush"}, "(it looks like the token of a person's own account)"),
        ({"DISCORD_TOKEN": "https://discord.com/api/webhooks/1/hush"}, "(it looks like an address)"),
        ({"DISCORD_TOKEN": "hush"}, "DISCORD_TOKEN is no bot token; copy the token from the application's page Bot"),
        ({"DISCORD_TOKEN": "aHVzaA.hush.hush"}, "DISCORD_TOKEN is no bot token; copy"),
        ({"DISCORD_TOKEN": "é.hush.hush"}, "DISCORD_TOKEN is no bot token; copy"),
        ({"DISCORD_TOKEN": f"{DISCORD_TOKEN} x"}, "DISCORD_TOKEN holds a space"),
        ({"DISCORD_API_URL": "discord.com"}, "DISCORD_API_URL is no address; begin with https:// or http://"),
        ({"DISCORD_API_URL": "https://x/api?hush=1"}, "DISCORD_API_URL is no address of an API; write one such as"),
        ({"DISCORD_API_URL": "https://[hush"}, "DISCORD_API_URL is no address of an API; write one such as"),
        ({"DISCORD_API_URL": "https://x/api/v9/"}, "DISCORD_API_URL names another version than 10; write one such as"),
    ],
)
def test_discord_faults(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    """What was copied from the wrong place is told by its looks, with the right place and never with its value."""
    told = faults(tmp_path, MINIMAL, environment)
    assert said in told
    assert "hush" not in told
    assert "123456789012345678" not in told


def test_dotenv_gives_way_to_the_environment(tmp_path: Path) -> None:
    """.env is read; a variable of the environment goes before it; empty ones count as unset."""
    settings = read(
        tmp_path,
        MINIMAL,
        {"HTTP_PORT": "9000", "LOG_FORMAT": ""},
        "# comment\nexport HTTP_PORT=8000\nHTTP_HOST='0.0.0.0'\nLOG_FORMAT=json\nDATABASE_URL=postgres://a:b$c@h/d\n",
    )
    assert (settings.http_port, settings.http_host, settings.log_format) == (9000, "0.0.0.0", "console")  # noqa: S104
    assert settings.database_url.reveal() == "postgresql://a:b$c@h/d"


def test_dotenv_faults(tmp_path: Path) -> None:
    """An unknown name in .env is a fault, and so is a line that can't be read, named by its number alone."""
    told = faults(tmp_path, MINIMAL, {}, "HTTP_PRT=80\nSTRIPE_API_KEY='sk_live_unclosed\n")
    assert "HTTP_PRT in" in told
    assert "did you mean HTTP_PORT?" in told
    assert "line 2, can't be read" in told
    assert "sk_live" not in told


def test_secrets_never_show(tmp_path: Path) -> None:
    """Neither a repr nor a traceback of the settings holds a secret's value."""
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-hush",
        "SLACK_APP_TOKEN": "xapp-hush",
        "DISCORD_TOKEN": DISCORD_TOKEN,
        "DATABASE_URL": "postgresql://desk:pg-hush@localhost/desk",
    }
    settings = read(tmp_path, MINIMAL, environment)
    assert settings.chat_tokens() == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DISCORD_TOKEN"]
    assert settings.secrets["DISCORD_TOKEN"].reveal() == DISCORD_TOKEN
    try:
        raise ValueError(settings)
    except ValueError as error:
        shown = "".join(traceback.format_exception(error)) + repr(settings) + f"{settings.secrets}"
    assert "hush" not in shown


def test_tokens_are_found_whatever_else_is_wrong(tmp_path: Path) -> None:
    """The playground hears of real tokens even where the rest of the settings is faulty."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("NONSENSE=1\nSTRIPE_API_KEY=sk_live_x\n", encoding="utf-8")
    assert tokens_present({"DISCORD_TOKEN": "x", "HTTP_PORT": "x"}, dotenv) == ["DISCORD_TOKEN", "STRIPE_API_KEY"]
