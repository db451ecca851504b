"""What stands in the playground's channels and direct messages: kept in memory, forgotten oldest first."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from core.chat.cards import Card, Chart, Json
from core.chat.registry import File
from core.clock import iso

CHANNELS = ("earnings", "payout-approvals")
DIRECT = "dm"
DESK = "desk"
_POSTS_KEPT = 600
_FILES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Post:
    """One message. surface: a channel's name or "dm". seen_by: the only person who sees it, empty for everyone in the
    channel. author: a person's id, or "desk". Either card or text is what it says. key: the outbox's, to find it again.
    opens: its first form opens at once."""

    id: str
    surface: str
    seen_by: str
    author: str
    at: dt.datetime
    card: Card | None = None
    text: str = ""
    key: str = ""
    files: tuple[str, ...] = ()
    edited: bool = False
    opens: bool = False


@dataclass(slots=True)
class Timeline:
    """Posts and the files they offer. Not thread-safe: used from the event loop alone."""

    posts: OrderedDict[str, Post] = field(default_factory=OrderedDict)
    files: OrderedDict[str, File] = field(default_factory=OrderedDict)

    def add(self, post: Post) -> Post:
        """Keep a post; the oldest goes when there are too many."""
        self.posts[post.id] = post
        while len(self.posts) > _POSTS_KEPT:
            self.posts.popitem(last=False)
        return post

    def add_earlier(self, posts: list[Post]) -> None:
        """Keep posts from before those that are here; one that is here already stays as it is."""
        merged = {post.id: post for post in posts} | self.posts
        self.posts.clear()
        for post in sorted(merged.values(), key=lambda one: one.at):
            self.add(post)

    def change(self, post_id: str, card: Card, files: tuple[str, ...] = ()) -> Post | None:
        """Put another card in a post's place; None when the post is forgotten."""
        post = self.posts.get(post_id)
        if post is None:
            return None
        self.posts[post_id] = changed = replace(post, card=card, files=files, edited=True, opens=False)
        return changed

    def offer(self, files: tuple[File, ...]) -> tuple[str, ...]:
        """Keep files for download; returns their tokens, which nobody can guess."""
        tokens = tuple(secrets.token_urlsafe(16) for _ in files)
        self.files.update(zip(tokens, files, strict=True))
        while len(self.files) > _FILES_KEPT:
            self.files.popitem(last=False)
        return tokens

    def newest_with_button(self, surface: str, action: str) -> tuple[Post, str] | None:
        """The newest post of a channel that has the button, and the button's value."""
        for post in reversed(self.posts.values()):
            if post.surface != surface or post.card is None:
                continue
            for button in post.card.buttons:
                if button.action == action:
                    return post, button.value
        return None

    def posted_as(self, key: str) -> Post | None:
        """The post that the outbox's message became."""
        return next((post for post in reversed(self.posts.values()) if post.key == key), None)

    def chart(self, wanted: str) -> Chart | None:
        """The chart whose picture is asked for."""
        for post in reversed(self.posts.values()):
            for chart in post.card.charts if post.card else ():
                if chart_id(_chart_json(chart)) == wanted:
                    return chart
        return None

    def as_json(self, post: Post) -> dict[str, Json]:
        """A post as the page draws it."""
        card: Json = None
        if post.card is not None:
            card = post.card.as_json()
            _point_at_charts(card)
        files: list[Json] = [self._file_json(token) for token in post.files if token in self.files]
        return {
            "id": post.id,
            "surface": post.surface,
            "seen_by": post.seen_by,
            "author": post.author,
            "at": iso(post.at),
            "card": card,
            "text": post.text,
            "files": files,
            "edited": post.edited,
            "opens": post.opens,
        }

    def _file_json(self, token: str) -> dict[str, Json]:
        file = self.files[token]
        url = f"/playground/files/{token}/{quote(file.name, safe='')}"
        return {"name": file.name, "url": url, "size": len(file.data)}


def new_id() -> str:
    """An id for what people type and read in answer."""
    return secrets.token_hex(8)


def post_id(key: str) -> str:
    """The id of an outbox message's post: the same after a restart, so that repaints still find it."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def chart_id(chart: dict[str, Json]) -> str:
    """A chart's picture is named for what it shows, so that browsers may keep it."""
    said = "\x1f".join(str(chart[part]) for part in ("kind", "name", "unit", "points"))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _chart_json(chart: Chart) -> dict[str, Json]:
    points: list[Json] = [{"label": point.label, "value": point.value} for point in chart.points]
    return {"kind": chart.kind, "name": chart.name, "unit": chart.unit, "points": points}


def _point_at_charts(card: dict[str, Json]) -> None:
    blocks = card["blocks"]
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block["type"] == "chart":
            block["src"] = f"/playground/charts/{chart_id(block)}.png"
