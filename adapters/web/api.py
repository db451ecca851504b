"""The platform's door: `/v1` (interfaces.md, "HTTP"). Answers are JSON; a refusal says why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, ParamSpec, TypeVar
from urllib.parse import unquote_to_bytes

import anyio
import anyio.to_thread
import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel import Session

from adapters.web import bodies, shapes
from adapters.web.bodies import BadRow, Batch, Refusal, Row
from core import api_keys, people
from core.api_keys import KeyInfo
from core.clock import Clock, iso
from core.config import DeskConfig
from core.earnings import catalog
from core.earnings.intake import accept
from core.earnings.intake.report import ImportReport
from core.earnings.payments import NoProgramForPayments, accept_payments
from core.ledger import accounts
from core.ledger.money import decimal_text
from core.storage import Database

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger(__name__)

_bearer = HTTPBearer(auto_error=False, description="A key made by `earnings-desk api-key create NAME`")


@dataclass(frozen=True)
class Api:
    """What the routes work with. threads bounds how many requests hold a database connection at once.

    probes is kept apart, so that health and metrics answer while all those threads wait for a slow database.
    """

    database: Database
    config: DeskConfig
    clock: Clock
    threads: anyio.CapacityLimiter
    probes: anyio.CapacityLimiter

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function of the core in a thread, so that the event loop's heartbeats go on."""
        return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self.threads)


def _api(request: Request) -> Api:
    api: Api = request.app.state.api
    return api


TheApi = Annotated[Api, Depends(_api)]


async def _caller(
    request: Request,
    api: TheApi,
    presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> KeyInfo:
    """Who calls: 401 before the body is read."""
    key = None
    if presented is not None:
        key = await api.call(_check_key, api.database, presented.credentials)
    if key is None:
        log.warning("api key refused", path=request.url.path, given=presented is not None)
        said = "This API key is not active." if presented else "Send an API key: 'Authorization: Bearer KEY'."
        raise Refusal(401, said, {"WWW-Authenticate": "Bearer"})
    return key


Caller = Annotated[KeyInfo, Depends(_caller)]
router = APIRouter(prefix="/v1", responses=shapes.Described.UNAUTHORIZED, default_response_class=JSONResponse)


@router.post("/usage", response_model=shapes.BatchAnswer, openapi_extra=shapes.Described.rows(shapes.UsageRow))
async def post_usage(request: Request, api: TheApi, caller: Caller) -> JSONResponse:
    """Report usage events: up to 10,000 as a JSON array or NDJSON. Rows that are refused don't stop the others."""
    batch = await _read_batch(request, api)
    report = await api.call(_accept, api, batch, caller)
    return _batch_answer(report.accepted, report.duplicates, _placed(report, batch))


@router.post(
    "/subscriptions", response_model=shapes.BatchAnswer, openapi_extra=shapes.Described.rows(shapes.SubscriptionRow)
)
async def post_subscriptions(
    request: Request,
    api: TheApi,
    caller: Caller,
    program: Annotated[
        str | None, Query(description="Whose payments these are, where several programs have some")
    ] = None,
) -> JSONResponse:
    """Report subscription payments: up to 10,000 as a JSON array or NDJSON. Refused rows don't stop the others."""
    batch = await _read_batch(request, api)
    try:
        report = await api.call(_accept_payments, api, batch, caller, program)
    except NoProgramForPayments as refused:
        bad = [BadRow(index, "program", str(refused.facts["problem"])) for index in batch.indexes]
        return _batch_answer(0, 0, [*batch.bad, *bad])
    return _batch_answer(report.accepted, report.duplicates, _placed(report, batch))


@router.put(
    "/creators/{creator_id:path}",
    response_model=shapes.CreatorAnswer,
    responses={422: {"model": shapes.FieldFault}},
    openapi_extra=shapes.Described.one(shapes.CreatorBody),
)
async def put_creator(request: Request, creator_id: str, api: TheApi, _caller: Caller) -> JSONResponse:
    """Create or update a creator."""
    row = await _read_named(request, "creator_id", creator_id)
    report = await api.call(_in_transaction, api.database, lambda session: catalog.upsert_creators(session, [row]))
    return _upsert_answer(report, "creator_id", creator_id)


@router.put(
    "/projects/{project_id:path}",
    response_model=shapes.ProjectAnswer,
    responses={422: {"model": shapes.FieldFault}},
    openapi_extra=shapes.Described.one(shapes.ProjectBody),
)
async def put_project(request: Request, project_id: str, api: TheApi, _caller: Caller) -> JSONResponse:
    """Create or update a project. Its creator_id and program can't change."""
    row = await _read_named(request, "project_id", project_id)
    now = api.clock()
    report = await api.call(_in_transaction, api.database, lambda session: catalog.upsert_projects(session, [row], now))
    return _upsert_answer(report, "project_id", project_id)


@router.post(
    "/link-codes",
    response_model=shapes.LinkCodeAnswer,
    responses={404: {"model": shapes.Fault, "description": "No such creator"}},
    openapi_extra=shapes.Described.one(shapes.LinkCodeBody),
)
async def post_link_code(request: Request, api: TheApi, caller: Caller) -> JSONResponse:
    """Make a single-use code, valid 10 minutes, that a creator types as `/link CODE` in chat."""
    row = await _read_small(request)
    creator_id = row.get("creator_id")
    if not isinstance(creator_id, str) or set(row) != {"creator_id"}:
        raise Refusal(422, 'Send {"creator_id": "…"} and nothing else.')
    code, expires_at = await api.call(_link_code, api, creator_id, caller)
    return JSONResponse({"code": code, "expires_at": iso(expires_at)}, headers={"Cache-Control": "no-store"})


@router.get(
    "/creators/{creator_id:path}/wallets",
    response_model=shapes.WalletsAnswer,
    responses={404: {"model": shapes.Fault, "description": "No such creator"}},
)
async def get_wallets(creator_id: str, api: TheApi, _caller: Caller) -> JSONResponse:
    """A creator's wallets in every program they have a project in."""
    return JSONResponse(await api.call(_wallets, api.database, creator_id))


def _check_key(database: Database, presented: str) -> KeyInfo | None:
    with database.reading() as session:
        return api_keys.check(session, presented)


def _in_transaction(database: Database, function: Callable[[Session], T]) -> T:
    with database.transaction() as session:
        return function(session)


def _accept(api: Api, batch: Batch, caller: KeyInfo) -> ImportReport:
    return accept(api.database, api.config, batch.rows, caller.source, api.clock(), actor=f"api-key {caller.name}")


def _accept_payments(api: Api, batch: Batch, caller: KeyInfo, program: str | None) -> ImportReport:
    actor = f"api-key {caller.name}"
    return accept_payments(
        api.database, api.config, batch.rows, caller.source, api.clock(), program=program, actor=actor
    )


def _link_code(api: Api, creator_id: str, caller: KeyInfo) -> tuple[str, dt.datetime]:
    now = api.clock()
    with api.database.transaction() as session:
        creator = catalog.creator(session, creator_id)
        if creator is None:
            raise _no_creator(creator_id)
        person_id = people.ensure_creator_person(session, creator.creator_id, creator.name)
        return people.create_link_code(session, now, person_id, by=f"api-key {caller.name}")


def _wallets(database: Database, creator_id: str) -> Mapping[str, object]:
    with database.reading() as session:
        if catalog.creator(session, creator_id) is None:
            raise _no_creator(creator_id)
        wallets = accounts.wallets(session, creator_id)
    return {
        "creator_id": creator_id,
        "wallets": [
            {
                "program": program,
                "pending_micros": wallet.pending,
                "pending": decimal_text(wallet.pending),
                "available_micros": wallet.available,
                "available": decimal_text(wallet.available),
                "reserved_micros": wallet.reserved,
                "reserved": decimal_text(wallet.reserved),
            }
            for program, wallet in sorted(wallets.items())
        ],
    }


def _no_creator(creator_id: str) -> Refusal:
    return Refusal(404, f"There is no creator '{creator_id[:200]}'.")


async def _read_batch(request: Request, api: Api) -> Batch:
    body = await bodies.read_bytes(request, bodies.MAX_BYTES)
    return await api.call(bodies.read_batch, body, request.headers.get("content-type", "").lower())


async def _read_small(request: Request) -> Row:
    return bodies.read_object(await bodies.read_bytes(request, bodies.MAX_SMALL_BYTES))


async def _read_named(request: Request, column: str, value: str) -> Row:
    """The body of a PUT as a row of the import file, with the id of the address in it."""
    try:
        unquote_to_bytes(request.scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:  # the server put a � in its place, which two ids would share
        raise Refusal(422, f"{column} in the address is not UTF-8.") from None
    row = await _read_small(request)
    if row.get(column, value) != value:
        raise Refusal(422, f"{column} in the body differs from the one in the address.")
    return {**row, column: value}


def _placed(report: ImportReport, batch: Batch) -> list[BadRow]:
    """Refusals with the index that their sender knows: unreadable rows were taken out before intake saw them."""
    refused = [BadRow(batch.indexes[one.index], one.field, one.reason) for one in report.rejected]
    return [*batch.bad, *refused]


def _batch_answer(accepted: int, duplicates: int, rejected: list[BadRow]) -> JSONResponse:
    rows = [asdict(one) for one in sorted(rejected, key=lambda one: one.index)]
    return JSONResponse({"accepted": accepted, "duplicates": duplicates, "rejected": rows})


def _upsert_answer(report: ImportReport, column: str, value: str) -> JSONResponse:
    if not report.rejected:
        return JSONResponse({column: value})
    first = report.rejected[0]
    rows = [asdict(BadRow(0, one.field, one.reason)) for one in report.rejected]
    return JSONResponse({"error": f"{first.field}: {first.reason}", "rejected": rows}, status_code=422)
