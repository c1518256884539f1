"""The MIME structures of messages that were looked at last, within a limit."""

from __future__ import annotations

from reference_server.imap.mime import Entity

MAX_KEPT_OCTETS = 16_777_216
"""How much of messages and their structures is kept for one selected mailbox."""

ENTITY_OCTETS = 1000
"""About what one part takes beside its octets."""

FIELD_OCTETS = 250
"""About what one header field takes beside its octets."""


class EntityCache:
    """Structures by UID. What was not asked for longest goes first; what is too large is not kept at all."""

    def __init__(self) -> None:
        self._entities: dict[int, tuple[Entity, int]] = {}
        self._kept_octets = 0

    def get(self, uid: int) -> Entity | None:
        """The structure, if it is kept."""
        kept = self._entities.pop(uid, None)
        if kept is None:
            return None
        self._entities[uid] = kept
        return kept[0]

    def keep(self, uid: int, entity: Entity) -> None:
        """Keep it, and let others go for it."""
        octets = len(entity.octets) + taken_octets(entity)
        if octets > MAX_KEPT_OCTETS:
            return
        self._entities[uid] = entity, octets
        self._kept_octets += octets
        while self._kept_octets > MAX_KEPT_OCTETS:
            self.drop(next(iter(self._entities)))

    def drop(self, uid: int) -> None:
        """The message is no more."""
        _, octets = self._entities.pop(uid, (None, 0))
        self._kept_octets -= octets


def taken_octets(entity: Entity) -> int:
    """About what a structure takes beside the octets of the message."""
    octets = 0
    pending = [entity]
    while pending:
        part = pending.pop()
        octets += ENTITY_OCTETS + FIELD_OCTETS * len(part.fields)
        pending += part.parts
        if part.embedded is not None:
            pending.append(part.embedded)
    return octets
