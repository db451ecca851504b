"""One HTTP server: the API, health, metrics. `create_app` wires it; nothing here knows a rule of the domain."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Annotated

import anyio
import anyio.to_thread
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web import api, shapes
from adapters.web.bodies import Refusal
from adapters.web.metrics import Metrics
from core.clock import Clock
from core.config import DeskConfig
from core.errors import DeskError, LedgerUnavailable
from core.storage import Database

PortsReady = Callable[[], Mapping[str, bool]]
log = structlog.get_logger(__name__)
_READY_WITHIN_SECONDS = 3
_REQUEST_THREADS = 8


def create_app(
    database: Database,
    config: DeskConfig,
    clock: Clock,
    *,
    ports_ready: PortsReady = dict,
    metrics: Metrics | None = None,
) -> FastAPI:
    """The HTTP application. ports_ready says of each chat connection, by name, whether it stands."""
    # Swagger's page would be fetched from elsewhere: /openapi.json is served, a viewer is the caller's choice.
    app = FastAPI(
        title=f"{config.name}: earnings desk",
        summary="Usage in, link codes and wallets out.",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    measured = metrics or Metrics()
    measured.watch(database, clock)
    app.state.api = api.Api(database, config, clock, anyio.CapacityLimiter(_REQUEST_THREADS), anyio.CapacityLimiter(2))
    app.state.metrics, app.state.ports_ready = measured, ports_ready
    app.include_router(_health)
    app.include_router(api.router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(DeskError, _desk_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(_Watch, metrics=measured)
    return app


_health = APIRouter(tags=["health"])


@_health.get("/healthz", response_model=shapes.Alive)
async def healthz() -> JSONResponse:
    """The process answers; nothing else is looked at."""
    return JSONResponse({"ok": True})


def _state(request: Request) -> tuple[api.Api, PortsReady, Metrics]:
    return request.app.state.api, request.app.state.ports_ready, request.app.state.metrics


@_health.get("/readyz", response_model=shapes.Ready, responses={503: {"model": shapes.Ready}})
async def readyz(state: Annotated[tuple[api.Api, PortsReady, Metrics], Depends(_state)]) -> JSONResponse:
    """Whether the database and each chat connection stand; 503 says which does not."""
    the_api, ports_ready, _ = state
    checks = {"database": "no answer"}
    with anyio.move_on_after(_READY_WITHIN_SECONDS):
        # Left behind on a time-out: a thread that waits for a dead database can't be stopped.
        checks["database"] = await anyio.to_thread.run_sync(
            _database_state, the_api.database, abandon_on_cancel=True, limiter=the_api.probes
        )
    checks |= {name: "ok" if ready else "not connected" for name, ready in ports_ready().items()}
    ready = all(said == "ok" for said in checks.values())
    return JSONResponse({"ready": ready, "checks": checks}, status_code=200 if ready else 503)


@_health.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics_page(state: Annotated[tuple[api.Api, PortsReady, Metrics], Depends(_state)]) -> Response:
    """Prometheus exposition."""
    the_api, _, metrics = state
    body = await anyio.to_thread.run_sync(metrics.text, limiter=the_api.probes)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _database_state(database: Database) -> str:
    try:
        with database.reading() as session:
            session.connection().execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "no answer"
    return "ok"


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refusal):
        raise error
    return JSONResponse({"error": error.error}, status_code=error.status, headers=error.headers)


async def _desk_error(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=503 if isinstance(error, LedgerUnavailable) else 409)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


class _Watch:
    """Times every request, and answers a fault with a reference instead of a traceback."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if status:  # the answer has begun: nothing can be put in its place
                raise
            answer = _fault(error)
            await answer(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path_format", "other")
            self.metrics.observe_request(scope["method"], route, status or 500, time.perf_counter() - start)


def _fault(error: Exception) -> JSONResponse:
    reference = f"E-{secrets.token_hex(3)}"
    if isinstance(error, DBAPIError | PoolTimeout):
        log.error("database did not answer", reference=reference, fault=type(error).__name__)
        said = LedgerUnavailable(reference=reference).text
        return JSONResponse({"error": said}, status_code=503, headers={"Retry-After": "5"})
    log.error("request failed", reference=reference, exc_info=error)
    return JSONResponse({"error": f"Something went wrong here. Ref {reference}"}, status_code=500)
