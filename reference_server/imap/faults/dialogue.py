"""Planted faults of the dialogue itself: greeting, capabilities, tags, syntax, states (RFC 3501 §2.2, §3, §6.1)."""

from __future__ import annotations

import re

from reference_server.imap.commands import Command
from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.literals import TOO_LONG, RawCommand
from reference_server.imap.session import RefusedError, State
from reference_server.registry import fault
from reference_server.stores import Account

STRAY_SPACE = re.compile(rb"[ \t]+")
FOREIGN = re.compile(rb"[\x00\x7f-\xff]")


@fault("imap-greets-with-no", breaks="rfc3501/9/35")
class GreetsWithNo(ImapCore):
    """The greeting is an untagged NO."""

    def greet(self) -> None:
        """Says NO and goes on."""
        self.untagged(b"NO one in particular")


@fault("lists-capabilities-twice", breaks="rfc3501/6.1.1/2")
class ListsCapabilitiesTwice(ImapCore):
    """CAPABILITY brings two untagged CAPABILITY responses."""

    def on_capability(self, _: None) -> bytes:
        """Says it once more."""
        super().on_capability(None)
        return super().on_capability(None)


@fault(
    "leaves-imap4rev1-out",
    breaks=("rfc3501/7.2.1/2", "rfc3501/6.1.1/2"),
    also={"imap/grammar/response": "the formal syntax of capability data has the name in it"},
)
class LeavesImap4Rev1Out(ImapCore):
    """IMAP4rev1 is not among the capabilities, nor any later revision."""

    def capabilities(self) -> list[bytes]:
        """All but those."""
        return [name for name in super().capabilities() if not name.startswith(b"IMAP4rev")]


@fault("lists-a-mechanism-that-it-lacks", breaks=("rfc3501/6.1.1/3", "rfc3501/7.2.1/4"))
class ListsMechanismThatItLacks(ImapCore):
    """AUTH=DIGEST-MD5 is listed, and AUTHENTICATE DIGEST-MD5 is refused."""

    def capabilities(self) -> list[bytes]:
        """One mechanism too many."""
        more = [b"AUTH=DIGEST-MD5"] if self.state is State.NOT_AUTHENTICATED and self.may_log_in() else []
        return super().capabilities() + more


@fault(
    "answers-with-tags-in-capitals",
    breaks=("rfc3501/2.2.2/3", "rfc3501/7/2"),
    also={"imap/tags/completes_each_of_several_commands_in_flight_once": "no completion has the tag of the command"},
)
class AnswersWithTagsInCapitals(ImapCore):
    """Small letters in a tag come back as capitals."""

    def tagged(self, tag: bytes, status: bytes, text: bytes) -> None:
        """Folds the case."""
        super().tagged(tag.upper(), status, text)


@fault("reads-tags-as-atoms", breaks="rfc3501/9/3")
class ReadsTagsAsAtoms(ImapCore):
    """A tag with a closing bracket is not taken for one."""

    def tag_of(self, raw: RawCommand) -> bytes:
        """None where the bracket is."""
        tag = super().tag_of(raw)
        return b"*" if b"]" in tag else tag

    def read_head(self, cursor: Cursor) -> tuple[bytes, bytes, Command]:
        """Nothing is a command without a tag."""
        tag, name, command = super().read_head(cursor)
        if b"]" in tag:
            raise GrammarError("expected a tag")
        return tag, name, command


@fault("imap-loses-a-command-when-more-follow", breaks="rfc3501/2.2/1")
class LosesCommandWhenMoreFollow(ImapCore):
    """CAPABILITY is not completed when the next command has arrived with it."""

    def complete(self, status: bytes, text: bytes) -> None:
        """Forgets it."""
        if self.running.verb != b"CAPABILITY" or not self.reader.held_octets:
            super().complete(status, text)


@fault("imap-knows-commands-in-capitals-only", breaks=("rfc3501/9/5", "rfc3501/9/4"))
class KnowsCommandsInCapitalsOnly(ImapCore):
    """A command in small letters is answered BAD."""

    def cursor_over(self, raw: RawCommand) -> Cursor:
        """Spoils the line where the name is not in capitals."""
        words = raw.lines[0].split(b" ")
        if len(words) > 1 and words[1] != words[1].upper():
            raw = RawCommand((words[0] + b" ?",))
        return super().cursor_over(raw)


@fault("imap-answers-unknown-commands-no", breaks="rfc3501/2.2.2/4")
class AnswersUnknownCommandsNo(ImapCore):
    """A command that there is none of is answered NO."""

    def complete(self, status: bytes, text: bytes) -> None:
        """Takes it for a failure."""
        super().complete(b"NO" if text == b"no such command" else status, text)


@fault("imap-tolerates-stray-spaces", breaks=("rfc3501/2.2.2/6", "rfc3501/9/6", "rfc3501/9/7"))
class ToleratesStraySpaces(ImapCore):
    """Spaces too many and TABs are passed over."""

    def cursor_over(self, raw: RawCommand) -> Cursor:
        """Puts them right, where there is no literal."""
        lines = raw.lines
        if len(lines) == 1 and b'"' not in lines[0].replace(b'""', b""):
            lines = (STRAY_SPACE.sub(b" ", lines[0]).strip(b" ").replace(b"( ", b"(").replace(b" )", b")"),)
        return super().cursor_over(RawCommand(lines, raw.literals))


class _NeverAtItsEnd(Cursor):
    """Passes over whatever is left."""

    def end(self) -> None:
        """Minds nothing."""


@fault(
    "imap-ignores-surplus-arguments",
    breaks=("rfc3501/2.2.2/6", "rfc2595/3.1/3", "rfc3691/2/2"),
    also={"imap/tags/does_nothing_for_a_command_with_a_foreign_octet": "NOOP runs whatever octet stands behind it"},
)
class IgnoresSurplusArguments(ImapCore):
    """What stands behind the last argument of a command is passed over."""

    def cursor_over(self, raw: RawCommand) -> Cursor:
        """A lenient one."""
        return _NeverAtItsEnd(raw)


@fault(
    "imap-drops-foreign-octets",
    breaks=("rfc3501/2.2.2/5", "rfc3501/9/8"),
    also={"imap/mailbox_names/refuses_eight_bit_names": "a quoted name with 8-bit octets is created without them"},
)
class DropsForeignOctets(ImapCore):
    """NUL, DEL and 8-bit octets are taken out of a command, and what is left is run."""

    def cursor_over(self, raw: RawCommand) -> Cursor:
        """Cleans the lines."""
        return super().cursor_over(RawCommand(tuple(FOREIGN.sub(b"", line) for line in raw.lines), raw.literals))


@fault("imap-ends-commands-at-a-lone-lf", breaks=("rfc3501/2.2.2/5", "rfc3501/2.2/2"))
class EndsCommandsAtLoneLf(ImapCore):
    """A LF without CR ends a command, and what follows is run as the next one."""

    def on_command(self, raw: RawCommand) -> None:
        """Takes it apart."""
        if raw.literals or raw.refused:
            super().on_command(raw)
            return
        for line in raw.lines[0].split(b"\n"):
            super().on_command(RawCommand((line,)))


@fault("imap-answers-a-long-line-twice", breaks="rfc3501/2.2/1")
class AnswersLongLineTwice(ImapCore):
    """A line that is too long is completed where the limit is reached, and again at its end."""

    def on_refused_literal(self, refusal: bytes) -> None:
        """Once more."""
        super().on_refused_literal(refusal)
        if refusal == TOO_LONG:
            super().on_refused_literal(refusal)


@fault("subscribes-before-log-in", breaks=("rfc3501/3.1/1", "rfc3501/9/23"))
class SubscribesBeforeLogIn(ImapCore):
    """SUBSCRIBE and UNSUBSCRIBE are answered OK before anybody has logged in."""

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """Lets them."""
        return name in (b"SUBSCRIBE", b"UNSUBSCRIBE") or super().is_valid_now(name, command)

    def on_subscribe(self, wire_name: bytes) -> bytes:
        """For nobody."""
        return super().on_subscribe(wire_name) if self.account else b"SUBSCRIBE completed"

    def on_unsubscribe(self, wire_name: bytes) -> bytes:
        """For nobody."""
        return super().on_unsubscribe(wire_name) if self.account else b"UNSUBSCRIBE completed"


@fault(
    "checks-with-nothing-selected",
    breaks=("rfc3501/3.2/1", "rfc3501/9/25"),
    also={"imap/select/a_select_that_fails_leaves_none_selected": "that none is selected shows by commands refused"},
)
class ChecksWithNothingSelected(ImapCore):
    """CHECK and EXPUNGE are answered OK while no mailbox is selected."""

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """Lets them after log-in."""
        lax = name in (b"CHECK", b"EXPUNGE") and self.state is State.AUTHENTICATED
        return lax or super().is_valid_now(name, command)

    def on_expunge(self, _: None) -> bytes:
        """Of nothing."""
        return super().on_expunge(None) if self.view else b"EXPUNGE completed"


@fault("lets-users-log-in-twice", breaks=("rfc3501/9/24", "rfc3501/6.2/2"))
class LetsUsersLogInTwice(ImapCore):
    """LOGIN works in a session that is somebody's already."""

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """Lets LOGIN at any time."""
        return name == b"LOGIN" or super().is_valid_now(name, command)

    def logged_in(self, account: Account) -> bytes:
        """Leaves what the user before had selected."""
        self.let_go()
        return super().logged_in(account)


@fault(
    "refuses-noop-with-nothing-selected",
    breaks="rfc3501/6.1.2/1",
    also={
        "imap/tags/knows_commands_in_capitals_and_small_letters": "NOOP is refused, whatever its case",
        "imap/literals/reads_a_literal_too_big_for_it_to_the_end": "a NOOP shows that the session is in step",
    },
)
class RefusesNoopWithNothingSelected(ImapCore):
    """NOOP is answered NO after log-in as long as no mailbox is selected."""

    def on_noop(self, _: None) -> bytes:
        """Has nothing to tell."""
        if self.state is State.AUTHENTICATED:
            raise RefusedError("nothing is selected")
        return super().on_noop(None)


@fault(
    "says-bye-after-logout-is-completed",
    breaks=("rfc3501/7.1.5/4", "rfc3501/6.1.3/2"),
    also={"imap/synchrony/one_answer_to_each_command": "there is more after the last completion"},
)
class SaysByeAfterLogoutIsCompleted(ImapCore):
    """The BYE of LOGOUT comes after the tagged OK."""

    def on_logout(self, _: None) -> None:
        """In the wrong order."""
        self.complete(b"OK", b"LOGOUT completed")
        self.say_bye()
        self.hang_up()
