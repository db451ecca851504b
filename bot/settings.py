"""earnings-desk.toml and the environment (or .env) → frozen settings. A fault stops the start; secrets stay secret."""

from __future__ import annotations

import difflib
import io
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot import discord_settings, slack_settings
from bot.desk_file import read_config
from bot.desk_section import Faults
from core.config import DeskConfig
from core.errors import DeskError

DEFAULT_CONFIG = Path("earnings-desk.toml")
DEFAULT_DATABASE = "sqlite:///earnings-desk.db"
CHAT_TOKENS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_CLIENT_SECRET",
    "SLACK_TOKEN_KEY",
    "DISCORD_TOKEN",
)
_SECRETS = (*CHAT_TOKENS, "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")
SLACK_API = "https://slack.com/api/"
_ADDRESSES = {
    "SLACK_API_URL": ("http", "https"),
    "DISCORD_API_URL": ("http", "https"),
    "DISCORD_GATEWAY_URL": ("ws", "wss"),
    "STRIPE_API_URL": ("http", "https"),
}
ADDRESS_WANTED = "takes an address such as sqlite:///demo.db or postgresql://user:password@host/database"
KNOWN = (
    "DATABASE_URL",
    *_SECRETS,
    "SLACK_CLIENT_ID",
    "PUBLIC_URL",
    *_ADDRESSES,
    "HTTP_HOST",
    "HTTP_PORT",
    "LOG_FORMAT",
)


class WrongSettings(DeskError):
    """Nothing started. {problems}."""

    def __init__(self, found: Sequence[str]) -> None:
        self.found = tuple(found)
        super().__init__(problems="; ".join(found))


class NoConfig(DeskError):
    """There is no {path}. `earnings-desk init` writes one; --config names another."""


class Secret:
    """Text that shows itself only when asked by name; its repr, str and errors never do."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __repr__(self) -> str:
        return "Secret(***)" if self.__value else "Secret()"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """How the desk is in Slack: one workspace by its bot token, or many by a client id and what they installed.

    token_keys: the first encrypts stored tokens, all of them decrypt. public_url: without a slash at its end.
    """

    api_url: str = SLACK_API
    bot_token: Secret = field(default_factory=lambda: Secret(""))
    app_token: Secret = field(default_factory=lambda: Secret(""))
    signing_secret: Secret = field(default_factory=lambda: Secret(""))
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    token_keys: tuple[Secret, ...] = ()
    public_url: str = ""

    @property
    def transport(self) -> Literal["socket", "http"]:
        """Socket Mode as soon as there is an app-level token: it needs no public address."""
        return "socket" if self.app_token else "http"

    @property
    def many(self) -> bool:
        """Whether workspaces install the desk themselves."""
        return bool(self.client_id)


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """How the desk is in Discord: one application, in any number of servers, by its bot's token.

    api_url: with its version, without a slash at its end. gateway_url: "" for the one that Discord names.
    """

    token: Secret
    api_url: str = discord_settings.API
    gateway_url: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that an operator decided. config_path is the file it came from, None when there was none."""

    desk: DeskConfig = field(default_factory=DeskConfig)
    config_path: Path | None = None
    database_url: Secret = field(default_factory=lambda: Secret(DEFAULT_DATABASE))
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    log_format: str = "console"
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    slack: SlackSettings | None = None
    discord: DiscordSettings | None = None
    public_url: str = ""

    def chat_tokens(self) -> list[str]:
        """The names of the real chat platforms' tokens that are set."""
        return [name for name in CHAT_TOKENS if self.secrets.get(name)]


def load(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    dotenv: Path = Path(".env"),
    *,
    need_config: bool = True,
) -> Settings:
    """Read and check everything. Raises WrongSettings naming every fault, NoConfig.

    Without `need_config` a missing default file is no fault (`migrate`, `verify` and the like do without it).
    """
    faults = Faults()
    values = _environment(os.environ if environment is None else environment, dotenv, faults)
    path = config or DEFAULT_CONFIG
    desk = DeskConfig()
    if path.exists() or config is not None or need_config:
        desk = _read_file(path, faults)
    else:
        path = None  # type: ignore[assignment]
    settings = Settings(
        desk=desk,
        config_path=path,
        database_url=Secret(_database_url(values, faults)),
        http_host=values.get("HTTP_HOST", "127.0.0.1"),
        http_port=_port(values, faults),
        log_format=_log_format(values, faults),
        secrets={name: Secret(values[name]) for name in _SECRETS if name in values},
        addresses=_addresses(values, faults),
        slack=_slack(values, faults),
        discord=_discord(values, faults),
        public_url=values.get("PUBLIC_URL", "").rstrip("/"),
    )
    if faults.found:
        raise WrongSettings(faults.found)
    return settings


def _read_file(path: Path, faults: Faults) -> DeskConfig:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoConfig(path=path) from None
    except (OSError, UnicodeDecodeError) as error:
        faults.add(str(path), f"can't be read ({_reason(error)})", "name a text file in TOML format")
    except tomllib.TOMLDecodeError as error:
        faults.add(str(path), f"is no TOML: {error}", "mend that line")
    else:
        return read_config(table, faults)
    return DeskConfig()


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is not UTF-8"


def _environment(environment: Mapping[str, str], dotenv: Path, faults: Faults) -> dict[str, str]:
    """Known names that have a value; the environment goes before .env. Unknown names: all of .env's; of the
    environment's, which belongs to others too, those that look like a known one mistyped."""
    values = _dotenv(dotenv, faults)
    for name in values:
        if name not in KNOWN:
            faults.add(f"{name} in {dotenv}", "is unknown", _hint(name))
    for name, value in environment.items():
        if name in KNOWN:
            values[name] = value
        elif difflib.get_close_matches(name, KNOWN, 1, 0.88):
            faults.add(name, "is unknown", _hint(name))
    return {name: value.strip() for name, value in values.items() if name in KNOWN and value.strip()}


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name.upper(), KNOWN, 1, 0.6)
    return f"did you mean {close[0]}?" if close else "`earnings-desk up --help` lists the known ones"


def _dotenv(path: Path, faults: Faults) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.add(str(path), f"can't be read ({_reason(error)})", "write NAME=value lines in UTF-8")
        return {}
    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:  # the line itself may hold a secret: only its number is told
            faults.add(f"{path}, line {binding.original.line},", "can't be read", "write NAME=value")
        elif binding.key is not None:
            values[binding.key] = binding.value or ""
    return values


def database_address(url: str) -> str | None:
    """The address of a database that the desk can use, as its library reads it; None for anything else."""
    if url.startswith("postgres://"):
        url = "postgresql" + url.removeprefix("postgres")
    if not (re.match(r"sqlite:///(?!:memory:)[^?]", url) or re.match(r"postgresql(\+psycopg)?://.", url)):
        return None
    try:
        from sqlalchemy.engine import make_url

        make_url(url)
    except Exception:  # whatever is wrong with it, its text must not reach a message
        return None
    return url


def _database_url(values: Mapping[str, str], faults: Faults) -> str:
    url = database_address(values.get("DATABASE_URL", DEFAULT_DATABASE))
    if url is None:
        faults.add("DATABASE_URL", ADDRESS_WANTED, "what it holds is no such address")
    return url or DEFAULT_DATABASE


def _port(values: Mapping[str, str], faults: Faults) -> int:
    text = values.get("HTTP_PORT", "8080")
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    faults.add("HTTP_PORT", f'is "{text[:20]}"', "write a port number from 0 (any free one) to 65535")
    return 0


def _log_format(values: Mapping[str, str], faults: Faults) -> str:
    text = values.get("LOG_FORMAT", "console")
    if text not in ("console", "json"):
        faults.add("LOG_FORMAT", f'is "{text[:20]}"', "write console or json")
    return text


def _addresses(values: Mapping[str, str], faults: Faults) -> dict[str, str]:
    found = {}
    for name, schemes in _ADDRESSES.items():
        url = values.get(name)
        if url is None:
            continue
        if not re.match(rf"({'|'.join(schemes)})://[^/\s]", url):
            faults.add(name, "is no address", f"begin with {schemes[1]}:// or {schemes[0]}://")
        found[name] = url
    return found


def _slack(values: Mapping[str, str], faults: Faults) -> SlackSettings | None:
    """How the desk is in Slack; None when nothing asks for it."""
    slack_settings.check(values, faults)
    if not any(name in values for name in slack_settings.FEW):
        return None
    secret = {name: Secret(values.get(name, "")) for name in CHAT_TOKENS}
    url = values.get("SLACK_API_URL", SLACK_API)
    return SlackSettings(
        api_url=url if url.endswith("/") else f"{url}/",
        bot_token=secret["SLACK_BOT_TOKEN"],
        app_token=secret["SLACK_APP_TOKEN"],
        signing_secret=secret["SLACK_SIGNING_SECRET"],
        client_id=values.get("SLACK_CLIENT_ID", ""),
        client_secret=secret["SLACK_CLIENT_SECRET"],
        token_keys=tuple(Secret(key) for key in slack_settings.token_keys(values.get("SLACK_TOKEN_KEY", ""))),
        public_url=values.get("PUBLIC_URL", "").rstrip("/"),
    )


def _discord(values: Mapping[str, str], faults: Faults) -> DiscordSettings | None:
    """How the desk is in Discord; None without a token."""
    discord_settings.check(values, faults)
    token = values.get("DISCORD_TOKEN")
    if token is None:
        return None
    return DiscordSettings(
        token=Secret(token),
        api_url=discord_settings.api_url(values.get("DISCORD_API_URL", discord_settings.API)),
        gateway_url=values.get("DISCORD_GATEWAY_URL", ""),
    )


def tokens_present(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> list[str]:
    """The names of real platforms' secrets that are set, whatever else may be wrong with the settings."""
    values = _environment(os.environ if environment is None else environment, dotenv, Faults())
    return [name for name in _SECRETS if values.get(name)]
