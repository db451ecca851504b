"""The playground's page and what it asks for. Everything here is behind `Guard`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import anyio
import anyio.to_thread
import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from adapters.web.playground import journal
from adapters.web.playground.guard import Guard
from adapters.web.playground.hub import HEARTBEAT, frame
from adapters.web.playground.port import NoSuchMoment, NothingToApprove, Playground, person_json
from adapters.web.playground.residents import Resident
from core.chat.charts import png
from core.errors import DeskError

log = structlog.get_logger(__name__)
_STATIC = Path(__file__).parent / "static"
_HEARTBEAT_SECONDS = 5.0
_PICTURE_AGE = "private, max-age=86400, immutable"
_pictures = anyio.Semaphore(1)  # one chart at a time: drawing is all processor, and memory

Surface = Literal["earnings", "payout-approvals", "dm"]


class Line(BaseModel):
    """What someone typed, and where."""

    person: str = Field(max_length=100)
    surface: Surface
    text: str = Field(max_length=4000)


class Press(BaseModel):
    """A button of a post, with what was filled into its form."""

    person: str = Field(max_length=100)
    surface: Surface
    post: str = Field(max_length=100)
    action: str = Field(max_length=100)
    value: str = Field(max_length=4000)
    fields: dict[str, str] = Field(default_factory=dict, max_length=20)


class Typed(BaseModel):
    """What is typed so far."""

    person: str = Field(max_length=100)
    text: str = Field(max_length=4000)


class JumpTo(BaseModel):
    """Where the clock shall go."""

    to: str = Field("night", max_length=20)


class Refused(Exception):
    """The page's request makes no sense (any more); the text is shown in it."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


def mount(app: FastAPI, playground: Playground) -> None:
    """Serve the playground's page at `/`, behind whatever routes the application has already."""
    app.mount("/", Guard(_application(playground)))


def _application(playground: Playground) -> FastAPI:
    inner = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner.state.playground = playground
    inner.add_api_route("/", _page, methods=["GET"])
    inner.mount("/playground/static", StaticFiles(directory=_STATIC))
    for path, method, handler in (
        ("/playground/people", "GET", _people),
        ("/playground/events", "GET", _events),
        ("/playground/charts/{name}.png", "GET", _chart),
        ("/playground/files/{token}/{name:path}", "GET", _file),
        ("/playground/journal/{entry}", "GET", _entry),
        ("/playground/run", "POST", _run),
        ("/playground/press", "POST", _press),
        ("/playground/suggest", "POST", _suggest),
        ("/playground/both", "POST", _both),
        ("/playground/jump", "POST", _jump),
        ("/playground/link-code", "POST", _link_code),
    ):
        inner.add_api_route(path, handler, methods=[method])
    inner.add_exception_handler(Refused, _refused)
    inner.add_exception_handler(DeskError, _desk_error)
    inner.add_exception_handler(HTTPException, _http_error)
    inner.add_exception_handler(RequestValidationError, _wrong_body)
    return inner


def _playground(request: Request) -> Playground:
    playground: Playground = request.app.state.playground
    return playground


ThePlayground = Annotated[Playground, Depends(_playground)]


async def _who(playground: Playground, user_id: str) -> Resident:
    person = await playground.person(user_id)
    if person is None:
        raise Refused(404, "Nobody here has that name. Reload the page.")
    return person


async def _page() -> FileResponse:
    return FileResponse(_STATIC / "index.html")


async def _people(playground: ThePlayground) -> JSONResponse:
    return JSONResponse({"people": [person_json(one) for one in await playground.people()]})


async def _run(line: Line, playground: ThePlayground) -> Response:
    text = line.text.strip()
    if not text:
        raise Refused(422, "Type something first.")
    await playground.run(await _who(playground, line.person), line.surface, text)
    await _tell_people(playground, text)
    return Response(status_code=204)


async def _press(press: Press, playground: ThePlayground) -> Response:
    person = await _who(playground, press.person)
    await playground.press(person, press.post, press.surface, press.action, press.value, press.fields)
    return Response(status_code=204)


async def _suggest(typed: Typed, playground: ThePlayground) -> JSONResponse:
    found = await playground.suggest(await _who(playground, typed.person), typed.text)
    return JSONResponse({"suggestions": [{"value": s.value, "label": s.label, "hint": s.hint} for s in found]})


async def _both(playground: ThePlayground) -> JSONResponse:
    try:
        answers = await playground.both_approve()
    except NothingToApprove:
        raise Refused(409, "No request waits for approval. As a creator, type /withdraw 50 and confirm it.") from None
    return JSONResponse(
        {"answers": [{"person": person_json(one), "card": reply.card.as_json()} for one, reply in answers]}
    )


async def _jump(wanted: JumpTo, playground: ThePlayground) -> JSONResponse:
    try:
        await playground.jump(wanted.to)
    except NoSuchMoment:
        raise Refused(409, "The clock of this desk can't be moved there.") from None
    return JSONResponse(playground.clock_json())


async def _link_code(playground: ThePlayground) -> JSONResponse:
    code, name = await playground.link_code()
    return JSONResponse({"code": code, "name": name})


async def _entry(entry: int, playground: ThePlayground) -> JSONResponse:
    def read() -> list[object]:
        with playground.database.reading() as session:
            return list(journal.transfers_of(session, entry))

    return JSONResponse({"transfers": await anyio.to_thread.run_sync(read)})


async def _chart(name: str, playground: ThePlayground, theme: Literal["card", "light", "dark"] = "card") -> Response:
    chart = playground.timeline.chart(name)
    if chart is None:
        raise Refused(404, "This picture is gone.")
    async with _pictures:
        picture = await anyio.to_thread.run_sync(png, chart, theme)
    return Response(picture, media_type="image/png", headers={"Cache-Control": _PICTURE_AGE})


async def _file(token: str, playground: ThePlayground) -> Response:
    file = playground.timeline.files.get(token)
    if file is None:
        raise Refused(404, "This file is gone. Ask for it again.")
    # The name comes from the address's last part; nothing of the file's own gets into a header.
    return Response(file.data, media_type=file.mime, headers={"Content-Disposition": "attachment"})


async def _events(playground: ThePlayground) -> StreamingResponse:
    return StreamingResponse(stream(playground), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def stream(playground: Playground) -> AsyncIterator[bytes]:
    """The whole state first, then whatever happens; now and then a line that says the connection stands."""
    with playground.hub.listener() as queue:
        try:
            state = await playground.state()
        except SQLAlchemyError as error:
            log.warning("the database doesn't answer the playground", fault=type(error).__name__)
            yield b"retry: 3000\n\n"  # the browser comes back by itself
            return
        seen = _newest_seen(state["journal"], 0)
        yield b"retry: 1000\n\n" + frame("state", state)
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), _HEARTBEAT_SECONDS)
            except TimeoutError:
                event = ("books", None)  # another process may have written
                yield HEARTBEAT
            if event is None:
                return
            kind, data = event
            if kind != "books":
                yield frame(kind, data)
                continue
            books = None
            with contextlib.suppress(SQLAlchemyError):  # asked again at the next heartbeat
                books = await playground.books_since(seen)
            if books is not None:
                seen = _newest_seen(books, seen)
                yield frame("journal", books)


def _newest_seen(books: object, seen: int) -> int:
    entries = books.get("entries") if isinstance(books, Mapping) else None
    return int(entries[0]["id"]) if entries else seen


async def _tell_people(playground: Playground, text: str) -> None:
    if text.startswith(("/link", "/unlink", "/desk")):
        playground.hub.tell("people", [person_json(one) for one in await playground.people()])


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refused):
        raise error
    return JSONResponse({"error": error.error}, status_code=error.status)


async def _desk_error(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=409)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


async def _wrong_body(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"error": "The request can't be read. Reload the page."}, status_code=422)
