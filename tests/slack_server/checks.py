"""Is a payload one that Slack takes? Block Kit's limits, slack_sdk's own models, and what the workspace allows."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View as SdkView

from tests.slack_server.reading import elements
from tests.slack_server.state import World
from tests.slack_server.things import Json, Workspace

MESSAGE_TEXT = 40_000
"""Characters that chat.postMessage takes as text before it says msg_too_long."""
BLOCKS_TEXT = 13_200
"""Characters of text in all the blocks of a message, about; beyond it says msg_blocks_too_long."""


def problems(surface: str, payload: Json) -> list[str]:
    """What breaks a documented limit of Block Kit, in words."""
    found = _limits(surface, payload)
    blocks = payload.get("blocks", [])
    if not isinstance(blocks, list) or not all(isinstance(block, dict) and "type" in block for block in blocks):
        return [*found, "blocks must be an array of objects with a type [json-pointer:/blocks]"]
    for at, block in enumerate(blocks):
        if not _known(block):
            continue
        try:
            parsed = Block.parse(block)
            if parsed is not None:
                parsed.validate_json()
        except (SlackObjectFormationError, TypeError, ValueError) as wrong:
            found.append(f"{wrong} [json-pointer:/blocks/{at}]")
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    found += [f"duplicate block_id {each}" for each in sorted({e for e in ids if ids.count(e) > 1})]
    return [*found, *_view_problems(surface, payload, blocks)]


def allowed(world: World, home: Workspace, surface: str, payload: Json) -> list[str]:
    """What Slack refuses in a payload. Broken limits are kept in `world.violations`; what only this workspace
    does not take (native charts, pictures not ready) is refused but is no violation."""
    broken = problems(surface, payload)
    world.violations += [f"{surface}: {each}" for each in broken]
    blocks: list[Json] = payload.get("blocks", [])
    for at, block in enumerate(blocks if not broken else []):
        if block["type"] == "data_visualization" and not home.native_charts:
            broken.append(f"unsupported block type: data_visualization [json-pointer:/blocks/{at}/type]")
        named = block.get("slack_file", {}).get("id") if block["type"] == "image" else None
        if named is not None:
            file = world.files.get(named)
            if file is None or file.team_id != home.team_id or not file.ready:
                broken.append(f"invalid slack file [json-pointer:/blocks/{at}/slack_file]")
    return broken


def text_in(blocks: Sequence[Mapping[str, Any]]) -> int:
    """How many characters of text stand in blocks."""
    if isinstance(blocks, str):
        return len(blocks)
    if isinstance(blocks, Mapping):
        return sum(text_in(value) for key, value in blocks.items() if key in _CARRIERS)
    return sum(text_in(each) for each in blocks) if isinstance(blocks, list | tuple) else 0


_CARRIERS = frozenset({"text", "fields", "elements", "accessory", "rows", "alt_text", "title", "label", "options"})


def _limits(surface: str, payload: Json) -> list[str]:
    """The one table of limits, in the adapter, once it is there."""
    if importlib.util.find_spec("adapters.slack") is None or importlib.util.find_spec(_TABLE) is None:
        return []
    judge = cast(Callable[[str, Json], list[str]], importlib.import_module(_TABLE).problems)
    return list(judge(surface, payload))


_TABLE = "adapters.slack.block_limits"


def _known(block: Mapping[str, Any]) -> bool:
    """Does slack_sdk have a model for this type of block?"""
    return block["type"] in {vars(each).get("type") for each in Block.__subclasses__()}


def _view_problems(surface: str, payload: Json, blocks: list[Json]) -> list[str]:
    if surface == "message":
        return []
    found: list[str] = []
    if payload.get("type") != surface:
        found.append(f"must be a view of type {surface} [json-pointer:/view/type]")
    if surface == "modal":
        if not payload.get("title"):
            found.append("missing required field: title [json-pointer:/view/title]")
        if any(block["type"] == "input" for block in blocks) and not payload.get("submit"):
            found.append("a view with input blocks needs submit [json-pointer:/view/submit]")
    taken = [element["action_id"] for _, element in elements(blocks)]
    found += [f"duplicate action_id {each}" for each in sorted({e for e in taken if taken.count(e) > 1})]
    try:
        SdkView(**{key: value for key, value in payload.items() if key != "state"}).validate_json()
    except (SlackObjectFormationError, TypeError, ValueError) as wrong:
        found.append(f"{wrong} [json-pointer:/view]")
    if len(json.dumps(payload)) > 250_000:
        found.append("view_too_large")
    return found
