"""What goes over the wire, as models: they describe the API in `/openapi.json` and shape its answers."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from adapters.web.bodies import MAX_ROWS

_QUANTITY = "Decimal text or a JSON number, at most 6 places"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UsageRow(_Row):
    """One usage event, or a `void` that takes one out. Quantities in credits."""

    event_id: str = Field(description="The event's own id; the same id with the same content is a duplicate")
    occurred_at: str = Field(description="ISO 8601 with an offset", examples=["2026-01-13T09:15:00Z"])
    project_id: str | None = Field(None, description="Empty for a void")
    user_id: str | None = Field(None, description="Who used it; empty for a void")
    kind: str = Field(
        description="In programs of kind credits: generate, remix, feature, view, save. Of kind assistants: message, "
        "rating. In both: void"
    )
    credits: str | int | None = Field(None, description=_QUANTITY)
    platform_cost: str | int | None = Field(None, description=f"In credits. {_QUANTITY}")
    tokens: str | int | None = Field(None, description="Kind message: a whole number, at most 1,000,000,000")
    channel: str | None = Field(None, description="Kind message: marketplace or embed")
    conversation_id: str | None = Field(None, description="Kind message")
    question: str | None = Field(None, description="Kind message, optional: what was asked, at most 4,000 characters")
    shared_context: str | None = Field(None, description="Kind message, optional: what a business agreed to share")
    stars: str | int | None = Field(None, description="Kind rating: 1 to 5")
    review: str | None = Field(None, description="Kind rating, optional, at most 4,000 characters")
    voids: str | None = Field(None, description="Kind void: the event_id, of the same source, that no longer counts")


class SubscriptionRow(_Row):
    """One subscriber's payment for a month, or a void of one: its own payment_id and paid_at, and `voids`."""

    payment_id: str = Field(description="The payment's own id; the same id with the same content is a duplicate")
    paid_at: str = Field(description="ISO 8601 with an offset", examples=["2026-01-03T08:00:00Z"])
    user_id: str | None = Field(None, description="Who pays; empty for a void")
    plan: str | None = Field(None, examples=["Plus"])
    amount_usd: str | int | None = Field(None, description=f"{_QUANTITY}; at most 100,000", examples=["19.00"])
    month: str | None = Field(None, description="Whose usage the payment is split over", examples=["2026-01"])
    referrer_id: str | None = Field(None, description="A creator id: who referred the user")
    voids: str | None = Field(None, description="The payment_id, of the same source, that no longer counts")


class CreatorBody(_Row):
    """A creator as the platform knows them."""

    name: str
    country: str = Field(description="ISO 3166, two letters", examples=["US"])
    timezone: str | None = Field(None, description="IANA name", examples=["Europe/Berlin"])
    email: str | None = None
    referred_by: str | None = Field(None, description="A creator id; informational")


class ProjectBody(_Row):
    """A project. creator_id and program can't change once it exists."""

    creator_id: str
    program: str
    name: str
    published_on: str = Field(description="A date", examples=["2025-11-03"])
    price_per_million_usd: str | int | None = Field(
        None, description="Kind assistants: of embed and API use, from the terms' minimum to 1,000", examples=["3.75"]
    )
    price_from: str | None = Field(None, description="The date the price starts on, not settled yet; default today")
    deleted_at: str | None = Field(None, description="ISO 8601 with an offset")


class LinkCodeBody(_Row):
    """For whom a code is wanted."""

    creator_id: str


class RejectedRow(BaseModel):
    """A row that was not taken. `index` counts from 0 in the body as sent."""

    index: int
    field: str
    reason: str


class BatchAnswer(BaseModel):
    """What became of a batch."""

    accepted: int
    duplicates: int
    rejected: list[RejectedRow]


class CreatorAnswer(BaseModel):
    """The creator is stored as sent."""

    creator_id: str


class ProjectAnswer(BaseModel):
    """The project is stored as sent."""

    project_id: str


class LinkCodeAnswer(BaseModel):
    """A single-use code for `/link CODE` in chat."""

    code: str
    expires_at: str = Field(description="UTC, ends in Z")


class WalletShape(BaseModel):
    """A creator's accounts in one program, in micro-dollars, with decimal text beside each."""

    program: str
    pending_micros: int
    pending: str
    available_micros: int
    available: str
    reserved_micros: int
    reserved: str


class WalletsAnswer(BaseModel):
    """Every wallet of a creator."""

    creator_id: str
    wallets: list[WalletShape]


class Fault(BaseModel):
    """Why nothing was done."""

    error: str


class FieldFault(Fault):
    """Why nothing was done, and which field is at fault."""

    rejected: list[RejectedRow] = []


class Alive(BaseModel):
    """The process answers."""

    ok: bool = True


class Ready(BaseModel):
    """Whether each thing the desk needs answers."""

    ready: bool
    checks: dict[str, str] = Field(description='"ok", or what is wrong')


class Described:
    """`openapi_extra` for bodies that a route reads by hand."""

    UNAUTHORIZED: ClassVar[dict[int | str, dict[str, Any]]] = {
        401: {"model": Fault, "description": "No key, or not an active one"},
        413: {"model": Fault, "description": "The body is too large"},
        422: {"model": Fault, "description": "The body as a whole can't be read"},
        503: {"model": Fault, "description": "The ledger didn't answer; nothing changed"},
    }

    @staticmethod
    def rows(row: type[BaseModel]) -> dict[str, Any]:
        """A JSON array of rows, or the same rows as NDJSON."""
        schema = row.model_json_schema()
        return _body(
            {
                "application/json": {"schema": {"type": "array", "items": schema, "maxItems": MAX_ROWS}},
                "application/x-ndjson": {"schema": {"type": "string", "description": f"One {row.__name__} a line"}},
            }
        )

    @staticmethod
    def one(body: type[BaseModel]) -> dict[str, Any]:
        """One JSON object."""
        return _body({"application/json": {"schema": body.model_json_schema()}})


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
