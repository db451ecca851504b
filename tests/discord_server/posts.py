"""Messages come, change and go: component ids are filled in, attachments get addresses, edits leave a trace."""

from __future__ import annotations

import copy
import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

from tests.discord_server.gateway import Gateway
from tests.discord_server.reading import walk
from tests.discord_server.things import (
    COMPONENTS_V2,
    EPHEMERAL,
    Answer,
    Attachment,
    Channel,
    Interaction,
    Json,
    Message,
)

Uploads = Mapping[int, tuple[str, bytes]]
"""The files of a form: their number → (file name, content)."""


class Posts(Gateway):
    """What the routes and people do to messages. Bodies were checked before they come here."""

    def put_message(
        self,
        channel: Channel,
        author: str,
        body: Mapping[str, Any],
        uploads: Uploads | None = None,
        *,
        interaction: Interaction | None = None,
        loading: bool = False,
    ) -> Message:
        """Put a message in a channel and wake whoever waits. An ephemeral one is for the interaction's person."""
        flags = int(body.get("flags") or 0) & (EPHEMERAL | COMPONENTS_V2 | (1 << 2) | (1 << 12))
        if interaction is None:
            flags &= ~EPHEMERAL
        made = Message(self.mint(), channel.guild_id, channel.id, author, "", [], self.sequence(), self.now(), flags)
        made.interaction, made.loading, made.nonce = interaction, loading, str(body.get("nonce") or "")
        if flags & EPHEMERAL and interaction is not None:
            made.seen_by = interaction.user
        self._fill(made, body, uploads or {})
        channel.messages.append(made)
        self.changed()
        return made

    def change_message(self, message: Message, body: Mapping[str, Any], uploads: Uploads | None = None) -> Message:
        """Change a message as an edit's body says: what it does not name stays."""
        if message.loading:
            message.loading = False
        else:
            message.history.append(message.plain)
            message.edited += 1
            message.edited_at = self.now()
        message.flags |= int(body.get("flags") or 0) & COMPONENTS_V2
        self._fill(message, body, uploads or {})
        self.changed()
        return message

    def show(self, interaction: Interaction, kind: str, message: Message) -> None:
        """Remember what the person was shown."""
        after = self.now() - interaction.at
        content, components = message.content, copy.deepcopy(message.components)
        answer = Answer("initial", message, content, components, list(message.attachments), after)
        answer.kind = kind  # type: ignore[assignment]
        interaction.answers.append(answer)
        self.changed()

    def nonce_of(self, author: str, nonce: str) -> Message | None:
        """The message that the same author sent with this nonce within the last minutes."""
        for channel in self.everywhere():
            for message in reversed(channel.messages):
                if message.author == author and message.nonce == nonce and self.now() - message.at < self.nonce_life:
                    return message
        return None

    def _fill(self, message: Message, body: Mapping[str, Any], uploads: Uploads) -> None:
        if "content" in body:
            message.content = str(body["content"] or "")
        if "allowed_mentions" in body:
            message.allowed_mentions = body["allowed_mentions"]
        if "attachments" in body or uploads:
            message.attachments = self._attached(message, body.get("attachments"), uploads)
        if "components" in body:
            message.components = _numbered(body["components"] or [])
            _resolve(message.components, message.attachments)

    def _attached(self, message: Message, told: Sequence[Json] | None, uploads: Uploads) -> list[Attachment]:
        """The files that stay and the files that came; a body that names none keeps all."""
        names = {str(each["id"]): each for each in told or []}
        kept = [each for each in message.attachments if told is None or each.id in names]
        for each in kept:
            each.description = str(names.get(each.id, {}).get("description") or each.description)
        return kept + [
            self._uploaded(message, name, content, names.get(str(number), {}))
            for number, (name, content) in sorted(uploads.items())
        ]

    def _uploaded(self, message: Message, name: str, content: bytes, told: Json) -> Attachment:
        name = str(told.get("filename") or name)
        made = Attachment(self.mint(), name, content, mimetypes.guess_type(name)[0] or "application/octet-stream")
        made.description = str(told.get("description") or "")
        made.url = f"{self.base_url}/attachments/{message.channel_id}/{made.id}/{name}"
        return made


def _numbered(components: Sequence[Json]) -> list[Json]:
    """The components with ids where the bot gave none (or 0), as Discord fills them in; given ones stay."""
    made = copy.deepcopy(list(components))
    taken = {each["id"] for each in walk(made) if each.get("id")}
    number = 0
    for each in walk(made):
        if not each.get("id"):
            number += 1
            while number in taken:
                number += 1
            each["id"] = number
    return made


def _resolve(components: list[Json], attachments: Sequence[Attachment]) -> None:
    """Pictures and files of this message get their address in place of attachment://name."""
    by_name = {f"attachment://{each.filename}": each for each in attachments}
    for component in walk(components):
        for media in media_of(component):
            found = by_name.get(str(media.get("url")))
            if found is not None:
                media |= {"url": found.url, "proxy_url": found.url, "attachment_id": found.id}
                media["content_type"] = found.content_type
                if component["type"] == 13:
                    component |= {"name": found.filename, "size": len(found.content)}


def media_of(component: Json) -> list[Json]:
    """The media items that a component shows."""
    if component["type"] == 12:
        return [item["media"] for item in component["items"]]
    if component["type"] == 11:
        return [component["media"]]
    return [component["file"]] if component["type"] == 13 else []
