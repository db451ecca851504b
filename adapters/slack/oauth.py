"""The pages where a workspace installs the desk: /slack/install, and /slack/oauth_redirect, where Slack sends back to.

Our page sets a cookie and hands out a state; whoever comes back must bring both, so that nobody can be made to finish
an install that somebody else began.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import quote, urljoin

import structlog
from slack_sdk.oauth import AuthorizeUrlGenerator, OAuthStateUtils
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.slack.installations import Installed
from adapters.slack.manifest import SCOPES
from adapters.slack.stores import STATE_SECONDS
from adapters.slack.workspaces import NoAnswer

log = structlog.get_logger(__name__)

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
_COOKIES = OAuthStateUtils(expiration_seconds=STATE_SECONDS)
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_STYLE = (
    "body{font:17px/1.5 system-ui,sans-serif;max-width:38em;margin:12vh auto;padding:0 1em;"
    "color:#1d2433;background:#fff}"
    "a.go{display:inline-block;padding:.6em 1.2em;border-radius:.4em;text-decoration:none;"
    "background:#1f2a44;color:#fff}"
    "code{background:#eef0f5;padding:.1em .3em;border-radius:.2em}"
    "@media(prefers-color-scheme:dark){body{color:#e8ebf2;background:#14181f}code{background:#2a3140}"
    "a{color:#9db8ff}a.go{background:#9db8ff;color:#14181f}}"
)


def authorize_url(api_url: str) -> str:
    """Where people agree to an install: beside the Web API, https://slack.com/oauth/v2/authorize by default."""
    return urljoin(api_url, "../oauth/v2/authorize")


def routes(installed: Installed, *, api_url: str, public_url: str, desk_name: str) -> list[BaseRoute]:
    """Both pages. public_url: where people reach the desk, without a slash at its end."""
    pages = _Pages(installed, api_url, public_url, desk_name)
    return [Route(INSTALL, pages.install, methods=["GET"]), Route(REDIRECT, pages.redirect, methods=["GET"])]


class _Pages:
    def __init__(self, installed: Installed, api_url: str, public_url: str, desk_name: str) -> None:
        self.installed, self.desk_name = installed, desk_name
        self.start_url, self.redirect_uri = f"{public_url}{INSTALL}", f"{public_url}{REDIRECT}"
        self._authorize = AuthorizeUrlGenerator(
            client_id=installed.client_id,
            scopes=SCOPES,
            redirect_uri=quote(self.redirect_uri, safe=""),  # the generator takes it as it is
            authorization_url=authorize_url(api_url),
        )

    async def install(self, request: Request) -> Response:
        """A button that leads to Slack; ?team=T… names the workspace to install in."""
        try:
            state = await run_in_threadpool(self.installed.states.issue)
        except SQLAlchemyError:
            return self._no_database()
        team = request.query_params.get("team")
        url = self._authorize.generate(state, quote(team, safe="") if team else None)
        page = _page(
            f"Install {self.desk_name}",
            f"<p>Slack will ask you to agree. You need the right to install apps in your workspace.</p>"
            f'<p><a class="go" href="{html.escape(url)}">Add to Slack</a></p>',
        )
        page.headers["Set-Cookie"] = f"{_COOKIES.build_set_cookie_for_new_state(state)}; SameSite=Lax"
        return page

    async def redirect(self, request: Request) -> Response:
        """Slack sent the person back: exchange the code for a token, store it, say what to do next."""
        try:
            page = await self._redirect(request.query_params, request.headers)
        except NoAnswer:
            page = self._sorry("Slack didn't answer", "Try again in a minute.", 502)
        except SQLAlchemyError:
            page = self._no_database()
        page.headers["Set-Cookie"] = _COOKIES.build_set_cookie_for_deletion()
        return page

    async def _redirect(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Response:
        refused = query.get("error")
        if refused is not None:
            what = "You chose not to." if refused == "access_denied" else f"Slack says: {html.escape(refused[:100])}."
            return self._sorry("Not installed", what)
        state, code = query.get("state"), query.get("code")
        if not _COOKIES.is_valid_browser(state, {"cookie": headers.get("cookie", "")}) or state is None:
            return self._sorry("This browser didn't begin the install", "Begin and end it in the same browser.")
        if not await run_in_threadpool(self.installed.states.consume, state):
            what = f"An install must be finished within {STATE_SECONDS // 60} minutes, and its address works once."
            return self._sorry("This install is over", what)
        installation = await self.installed.exchange(code, self.redirect_uri) if code else None
        if installation is None:
            return self._sorry("Slack refused the install", "Its code was wrong, or too old.")
        if installation.is_enterprise_install or not installation.team_id:
            what = "The desk serves single workspaces. Choose a workspace instead of the whole organization."
            return self._sorry("Not for a whole organization", what)
        await self.installed.save(installation)
        log.info("installed in a Slack workspace", workspace=installation.team_id)
        return _done(installation.team_name or installation.team_id, installation.app_id or "", installation.team_id)

    def _sorry(self, title: str, what: str, status: int = 400) -> Response:
        again = f'<p>{what} Nothing was installed.</p><p><a href="{html.escape(self.start_url)}">Start again</a></p>'
        return _page(title, again, status)

    def _no_database(self) -> Response:
        return self._sorry("The desk can't reach its database", "Try again in a minute.", 503)


def _done(team: str, app_id: str, team_id: str) -> Response:
    opens = f"https://slack.com/app_redirect?app={quote(app_id, safe='')}&team={quote(team_id, safe='')}"
    return _page(
        f"Installed in {team}",
        "<p>What is left to do:</p><ol>"
        "<li>Link people: <code>earnings-desk link-code --person NAME</code> on the server gives a code that they type "
        "in Slack as <code>/link CODE</code>.</li>"
        "<li>In the channel that should hear of earnings, type <code>/invite @Earnings Desk</code>, then "
        "<code>/desk digest on</code>; where withdrawals are decided, <code>/desk approvals-channel on</code>.</li>"
        "<li>Anyone who is linked can type <code>/balance</code>, or open the app's Home.</li></ol>"
        f'<p><a class="go" href="{html.escape(opens)}">Open Slack</a></p>',
    )


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title, quote=False)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{html.escape(title, quote=False)}</h1>{body}</body></html>"
    )
    return HTMLResponse(text, status, _HEADERS)
