"""The greeting: RFC 3501 §3, §7.1, §9."""

from __future__ import annotations

from conformance.checks import must
from conformance.expectations import expect
from conformance.fixtures import ImapDial as Dial


@must("rfc3501/9/35", "rfc3501/3/1")
def check_is_an_untagged_ok_preauth_or_bye(dial: Dial) -> None:
    """The first response is an untagged OK, PREAUTH or BYE.

    It tells the client in which state the session begins; with anything else a client cannot know whether to log in.
    """
    with dial() as imap:
        greeting = imap.greeting
        assert greeting is not None
        expect(
            greeting.tag == b"*" and greeting.name in (b"OK", b"PREAUTH", b"BYE"),
            "an untagged OK, PREAUTH or BYE as the first response",
            greeting,
        )
