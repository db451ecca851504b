"""What the parts of `doctor` that ask chat platforms have in common."""

from __future__ import annotations

from sqlmodel import col, select

from adapters.checks import Samples, Subscribed
from bot.bootstrap import App
from bot.sample_cards import forms, sample_cards
from core.chat.tables import Subscription


def samples() -> Samples:
    """A card of each template, drawn from a desk in memory."""
    drawn, missing = sample_cards()
    return Samples([(one.template, one.card) for one in drawn], forms(drawn), missing)


def channels(app: App, platform: str) -> list[Subscribed]:
    """The platform's channels that hear of something now, each once."""
    with app.database.reading() as session:
        mine = select(Subscription).where(Subscription.platform == platform, Subscription.paused == "")
        order = col(Subscription.workspace), col(Subscription.channel), col(Subscription.topic)
        rows = session.exec(mine.order_by(*order)).all()
    topics: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        topic = "digests" if row.topic == "digest" else row.topic
        topics.setdefault((row.workspace, row.channel), []).append(topic)
    return [Subscribed(workspace, channel, " and ".join(names)) for (workspace, channel), names in topics.items()]
