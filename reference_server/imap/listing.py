"""LIST and LSUB (RFC 3501 §6.3.8, §6.3.9), and what LIST can do since RFC 5258.

Attributes of RFC 3348 and RFC 6154; STATUS responses in between of RFC 5819.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap.listing_options import Extended, Listing
from reference_server.imap.mailboxes import MailboxCommands
from reference_server.imap.names import INBOX, levels_above
from reference_server.imap.patterns import MAX_PATTERN_OCTETS, matches
from reference_server.imap.responses import parenthesized
from reference_server.imap.session import RefusedError
from reference_server.stores import Mailbox

MAX_PATTERNS = 100
"""Patterns of one LIST command."""

AFTER_NAME: Mapping[bytes, str] = MappingProxyType({
    b"STATUS": "tell_listed_status",
    b"MYRIGHTS": "tell_my_rights",
})  # fmt: skip
"""Return option to the method that sends what it asks for, after the LIST response. An extension adds its rows."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The names there are, and every level above one of them."""

    names: frozenset[str]
    above: frozenset[str]


class ListCommands(MailboxCommands):
    """Mixin: LIST and LSUB."""

    def on_list(self, asked: Listing) -> bytes:
        """Answer LIST; in its plain form an empty pattern asks for delimiter and root (RFC 3501 §6.3.8)."""
        tree = self.tree()
        if asked.extended is not None:
            self.list_extended(asked, asked.extended, tree)
        elif not asked.pattern:
            self.tell_name(b"LIST", [b"\\Noselect"], self.root_of(asked.reference))
        else:
            for name in self.in_order({*tree.names, *tree.above}):
                if self.is_listed(asked, name):
                    self.tell_name(b"LIST", self.attributes_of(name, tree, asked), self.wire_name(name))
        return b"LIST completed"

    def tree(self) -> Tree:
        """All names that this user can see."""
        names = frozenset(self.names())
        return Tree(names, frozenset(levels_above(names)))

    def list_extended(self, asked: Listing, extended: Extended, tree: Tree) -> None:
        """Tell the names that fit and meet the criteria, and levels above such names where they are owed."""
        if len(extended.patterns) > MAX_PATTERNS:
            raise RefusedError("too many patterns", code=b"LIMIT")
        wanted = self.names_meeting(extended.criteria, tree)
        listed = {name for name in wanted if self.fits(asked, extended, name)}
        levels = self.levels_owed(asked, extended, wanted - listed, tree) - listed
        above = levels_above(wanted) if b"RECURSIVEMATCH" in extended.selection else set()
        for name in self.in_order(listed | levels):
            attributes = self.attributes_of(name, tree, asked)
            items = [self.child_info(extended)] if name in above else []
            self.tell_name(b"LIST", attributes, self.wire_name(name), items)
            if name in listed:
                self.tell_more(extended, name)

    def names_meeting(self, criteria: frozenset[bytes], tree: Tree) -> set[str]:
        """Names that meet every selection option; subscribed ones need not exist (RFC 5258 §3.1, RFC 6154 §2)."""
        names = set(self.user.subscriptions if b"SUBSCRIBED" in criteria else tree.names)
        if b"SPECIAL-USE" in criteria:
            names = {name for name in names if self.uses_of(name)}
        return names

    def levels_owed(self, asked: Listing, extended: Extended, hidden: set[str], tree: Tree) -> set[str]:
        """Levels above names that meet the criteria but fit no pattern; others would tell nothing new (RFC 5258 §3.5).

        With RECURSIVEMATCH they are asked for; without it a `%` at the end asks for them (RFC 9051 §6.3.9). Where there
        are criteria only those are owed that are no mailboxes: \\NonExistent with \\HasChildren says why they are told
        (RFC 9051 §6.3.9.6).
        """
        levels = levels_above(hidden)
        if b"RECURSIVEMATCH" in extended.selection:
            return {level for level in levels if self.fits(asked, extended, level)}
        if extended.criteria:
            levels &= tree.above - tree.names
        ending = tuple(pattern for pattern in extended.patterns if pattern.endswith(b"%"))
        return {level for level in levels if self.fits_any(asked.reference, ending, level)}

    def child_info(self, extended: Extended) -> bytes:
        """CHILDINFO: by which options something below is selected (RFC 5258 §3.5)."""
        names = sorted(extended.selection & {b"SUBSCRIBED"})
        return b'"CHILDINFO" ' + parenthesized(b'"%b"' % name for name in names)

    def fits(self, asked: Listing, extended: Extended, name: str) -> bool:
        """Whether the name fits one of the patterns; an empty one fits nothing here (RFC 5258 §3)."""
        return self.fits_any(asked.reference, extended.patterns, name)

    def fits_any(self, reference: bytes, patterns: tuple[bytes, ...], name: str) -> bool:
        """Whether the name fits one of these."""
        return any(self.is_listed(Listing(reference, pattern), name) for pattern in patterns if pattern)

    def tell_more(self, extended: Extended, name: str) -> None:
        """What return options ask for beside the LIST response itself, for a name that met the criteria."""
        mailbox = self.mailbox_named(name)
        if mailbox is None:
            return
        for option, argument in extended.returns.items():
            if option in AFTER_NAME:
                getattr(self, AFTER_NAME[option])(mailbox, self.wire_name(name), argument)

    def tell_listed_status(self, mailbox: Mailbox, wire_name: bytes, items: tuple[bytes, ...]) -> None:
        """The STATUS response that follows, unless the mailbox cannot be selected (RFC 5819 §2)."""
        if "r" in self.rights_on(mailbox):
            self.tell_status(mailbox, wire_name, items)

    def on_lsub(self, asked: Listing) -> bytes:
        """Answer LSUB; subscribed names that are gone still count (RFC 3501 §6.3.9)."""
        subscribed = set(self.user.subscriptions)
        existing = set(self.names())
        # With "%" at the end a level is given, as \\Noselect, where only something below it is subscribed.
        implied = self.implied_names(subscribed) if asked.pattern.endswith(b"%") else set()
        for name in self.in_order(subscribed | implied):
            if self.is_listed(asked, name):
                selectable = name in existing and name not in implied
                self.tell_name(b"LSUB", [] if selectable else [b"\\Noselect"], self.wire_name(name))
        return b"LSUB completed"

    def root_of(self, reference: bytes) -> bytes:
        """The root of a reference: empty, since no name here begins with the delimiter."""
        return b""

    def in_order(self, names: set[str]) -> list[str]:
        """INBOX first, the others sorted."""
        return sorted(names, key=lambda name: (name != INBOX, name))

    def is_listed(self, asked: Listing, name: str) -> bool:
        """Whether the name fits reference and pattern, one put after the other; INBOX fits in any case.

        A pattern that is longer than any name fits none, and is not worth an error (RFC 5258 §3).
        """
        pattern = asked.reference + asked.pattern
        if len(pattern) > MAX_PATTERN_OCTETS:
            return False
        wire_name = self.wire_name(name)
        return self.pattern_matches(pattern, wire_name) or (
            name == INBOX and self.pattern_matches(pattern.upper(), wire_name)
        )

    def pattern_matches(self, pattern: bytes, wire_name: bytes) -> bool:
        """`matches`."""
        return matches(pattern, wire_name, self.delimiter)

    def attributes_of(self, name: str, tree: Tree, asked: Listing) -> list[bytes]:
        """All attributes of a name, as far as this form of the command lets them be told (RFC 5258 §3)."""
        extended = asked.extended
        attributes = self.attributes(selectable=self.is_selectable(name, tree), has_children=name in tree.above)
        if extended and name not in tree.names:
            # \\NonExistent implies \\Noselect, and is only for who knows the extension.
            attributes = [b"\\NonExistent", *(each for each in attributes if each.lower() != b"\\noselect")]
        if extended and extended.asks_for_subscriptions and name in self.user.subscriptions:
            attributes.append(b"\\Subscribed")
        return [*attributes, *(use.encode("ascii") for use in sorted(self.uses_of(name)))]

    def is_selectable(self, name: str, tree: Tree) -> bool:
        """Whether SELECT would take the name."""
        mailbox = self.mailbox_named(name) if name in tree.names else None
        return mailbox is not None and "r" in self.rights_on(mailbox)

    def uses_of(self, name: str) -> frozenset[str]:
        """Special uses of the folder of that name (RFC 6154 §2); none if there is no folder."""
        mailbox = self.mailbox_named(name)
        # What is one user's \\Sent is unlikely to be another's.
        return mailbox.special_uses if mailbox is not None and self.owns(mailbox) else frozenset()

    def attributes(self, *, selectable: bool, has_children: bool) -> list[bytes]:
        """\\Noselect for a name that is only a level; whether there is anything below (RFC 3348 §3)."""
        attributes = [] if selectable else [b"\\Noselect"]
        return [*attributes, b"\\HasChildren" if has_children else b"\\HasNoChildren"]

    def tell_name(
        self, response: bytes, attributes: list[bytes], wire_name: bytes, items: Sequence[bytes] = ()
    ) -> None:
        """One LIST or LSUB response (RFC 3501 §7.2.2), with extended data items if there are any (RFC 5258 §6)."""
        name = self.render_mailbox(wire_name) if wire_name else b'""'
        more = b" " + parenthesized(items) if items else b""
        self.untagged(b'%b %b "%b" %b%b' % (response, parenthesized(attributes), self.delimiter, name, more))
