"""Planted faults of flags and STORE (RFC 3501 §2.3.2, §6.4.6)."""

from __future__ import annotations

from reference_server.imap.core import ImapCore
from reference_server.imap.literals import RawCommand
from reference_server.imap.storing import StoreFlags
from reference_server.registry import fault


@fault("flags-adds", breaks=("rfc3501/6.4.6/5", "rfc3501/6.4.6/7"))
class FlagsAdds(ImapCore):
    """FLAGS adds as +FLAGS does."""

    def flags_after(self, before: frozenset[str], sign: bytes, flags: frozenset[str]) -> frozenset[str]:
        """Takes nothing away."""
        return super().flags_after(before, sign or b"+", flags)


@fault("plus-flags-replaces", breaks=("rfc3501/6.4.6/8", "rfc3501/6.4.6/10"))
class PlusFlagsReplaces(ImapCore):
    """+FLAGS replaces as FLAGS does."""

    def flags_after(self, before: frozenset[str], sign: bytes, flags: frozenset[str]) -> frozenset[str]:
        """Does not see the sign."""
        return super().flags_after(before, b"" if sign == b"+" else sign, flags)


@fault("minus-flags-clears", breaks=("rfc3501/6.4.6/11", "rfc3501/6.4.6/13"))
class MinusFlagsClears(ImapCore):
    """-FLAGS takes all flags away."""

    def flags_after(self, before: frozenset[str], sign: bytes, flags: frozenset[str]) -> frozenset[str]:
        """Leaves none."""
        return frozenset() if sign == b"-" else super().flags_after(before, sign, flags)


@fault("store-tells-only-the-flags-named", breaks=("rfc3501/6.4.6/6", "rfc3501/6.4.6/9", "rfc3501/6.4.6/12"))
class StoreTellsOnlyTheFlagsNamed(ImapCore):
    """The answer to STORE has the flags of the command and not those of the message."""

    def on_store(self, asked: StoreFlags) -> bytes:
        """Remembers what was named."""
        self.named = frozenset(asked.flags)
        return super().on_store(asked)

    def tell_stored(self, number: int, expected: frozenset[str], *, silent: bool) -> None:
        """Repeats it."""
        self.selected.note_told(number)
        if not silent:
            uid = b" UID %d" % self.selected.messages[number - 1].uid if self.running.uid else b""
            self.untagged(b"%d FETCH (FLAGS %b%b)" % (number, self.render_flags(self.named), uid))

    named: frozenset[str] = frozenset()


@fault("store-tells-nothing", breaks="rfc3501/6.4.6/2")
class StoreTellsNothing(ImapCore):
    """STORE is silent, asked to be or not."""

    def tell_stored(self, number: int, expected: frozenset[str], *, silent: bool) -> None:
        """Says nothing."""
        self.selected.note_told(number)


@fault("store-is-never-silent", breaks="rfc3501/6.4.6/3")
class StoreIsNeverSilent(ImapCore):
    """STORE with .SILENT brings FETCH responses as without."""

    def tell_stored(self, number: int, expected: frozenset[str], *, silent: bool) -> None:
        """Always speaks."""
        super().tell_stored(number, expected, silent=False)


@fault("keeps-flags-of-others-to-itself", breaks=("rfc3501/5.2/4",))
class KeepsFlagsOfOthersToItself(ImapCore):
    """NOOP tells nothing of flags that another session has changed."""

    def tell_changes(self) -> None:
        """Takes them for told."""
        if self.view is not None and self.running.verb == b"NOOP":
            self.view.refresh()
            for number in self.view.changed_flags():
                self.view.note_told(number)
        super().tell_changes()


class _ForgetsAtTheEnd(ImapCore):
    """Takes some flags off all messages when a session leaves the mailbox."""

    def forgotten(self, flag: str) -> bool:
        """Whether this flag does not last."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Forgets."""
        if self.view is not None and not self.view.read_only:
            for message in self.view.mailbox.messages:
                kept = frozenset(flag for flag in message.flags if not self.forgotten(flag))
                if kept != message.flags:
                    self.view.mailbox.set_flags({message.uid: kept})
        super().let_go()


@fault(
    "forgets-answered",
    breaks="rfc3501/2.3.2/7",
    also={
        "imap/flags/changes_nothing_of_what_is_only_examined": "\\Answered is gone by the time it is looked for",
        "imap/append/sets_the_flags_given_and_no_other": "\\Answered is gone by the time it is looked for",
    },
)
class ForgetsAnswered(_ForgetsAtTheEnd):
    """\\Answered lasts only as long as the session."""

    def forgotten(self, flag: str) -> bool:
        """One of the five."""
        return flag == "\\Answered"


@fault("forgets-keywords", breaks="rfc3501/7.1/9")
class ForgetsKeywords(_ForgetsAtTheEnd):
    """Keywords last only as long as the session, though PERMANENTFLAGS invites them."""

    def forgotten(self, flag: str) -> bool:
        """What is no system flag."""
        return not flag.startswith("\\")


@fault("flags-takes-recent-away", breaks="rfc3501/2.3.2/3")
class FlagsTakesRecentAway(ImapCore):
    """FLAGS replaces \\Recent with all the others."""

    def on_store(self, asked: StoreFlags) -> bytes:
        """Makes no exception."""
        if not asked.sign:
            self.selected.recent.clear()
        return super().on_store(asked)


@fault("knows-no-mixed-case", breaks="rfc3501/9/5")
class KnowsNoMixedCase(ImapCore):
    """Answers BAD to FETCH and STORE in capitals and small letters mixed."""

    def on_command(self, raw: RawCommand) -> None:
        """Compares with three spellings."""
        words = raw.lines[0].split(b" ")
        name = words[1] if len(words) > 1 else b""
        if name.upper() in (b"FETCH", b"STORE") and name not in (name.upper(), name.lower(), name.capitalize()):
            raw = RawCommand((words[0] + b" UNKNOWN",))
        super().on_command(raw)


@fault("stores-in-what-is-only-examined", breaks=("rfc3501/6.3.2/2", "rfc3501/6.3.2/3", "rfc3501/6.4.3/1"))
class StoresInWhatIsOnlyExamined(ImapCore):
    """STORE and EXPUNGE work after EXAMINE as they do after SELECT."""

    def require_write(self) -> None:
        """Does not look."""
