"""The end of the mail data: RFC 5321 §4.1.1.4, with each sequence that servers are known to have taken for it.

The sequences are those that went round as "SMTP smuggling" in 2023, those that the published scanners try, and those
that the string functions of common programming languages suggest. How each is put: `conformance.smtp.smuggling`.
"""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, intrusive, must
from conformance.errors import InconclusiveError, ViolationError
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.apart import send_apart
from conformance.smtp.dialogue import settled
from conformance.smtp.session import stuffed
from conformance.smtp.smuggling import expect_only_text
from conformance.wire.errors import SilenceError

# Where the sections of Unicode text functions see the end of a line: vertical tab, form feed, the three information
# separators, NEL (ISO 8859-1 and UTF-8), LINE SEPARATOR and PARAGRAPH SEPARATOR (UTF-8).
OTHER_LINE_ENDS = (
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\x1d",
    b"\x1e",
    b"\x85",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xa9",
)


@must("rfc5321/4.1.1.4/8", "rfc5321/2.3.8/2")
def check_does_not_end_at_lf_dot_lf(dial: Dial, mailbox: Mailbox) -> None:
    """A period between two bare LFs does not end the mail data.

    The one sequence that the RFC forbids by name. A server that obeys it beside a relay that passes it on unchanged
    lets any sender forge mail from any user of that relay: what follows is a transaction with the relay's own rights,
    and so with its SPF and its reputation.
    """
    expect_only_text(dial, mailbox, b"\n.\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_lf_dot_crlf(dial: Dial, mailbox: Mailbox) -> None:
    """A period after a bare LF does not end the mail data, even with a true CRLF behind it.

    The most useful sequence to an attacker, and the one behind CVE-2023-51764 (Postfix): outbound servers pass it on
    because the dot does not stand at the start of any line that they see.
    """
    expect_only_text(dial, mailbox, b"\n.\r\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_crlf_dot_lf(dial: Dial, mailbox: Mailbox) -> None:
    """A line of a period and a bare LF does not end the mail data.

    Exim took such a line for the end while it was in CRLF mode (CVE-2023-51766).
    """
    expect_only_text(dial, mailbox, b"\r\n.\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_cr_dot_cr(dial: Dial, mailbox: Mailbox) -> None:
    """A period between two bare CRs does not end the mail data.

    A server that reads lines with "universal newlines" ends them at CR, at LF and at CRLF alike.
    """
    expect_only_text(dial, mailbox, b"\r.\r")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_cr_dot_lf(dial: Dial, mailbox: Mailbox) -> None:
    """A period between a bare CR and a bare LF does not end the mail data."""
    expect_only_text(dial, mailbox, b"\r.\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_lf_dot_cr(dial: Dial, mailbox: Mailbox) -> None:
    """A period between a bare LF and a bare CR does not end the mail data."""
    expect_only_text(dial, mailbox, b"\n.\r")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_cr_dot_crlf(dial: Dial, mailbox: Mailbox) -> None:
    """A period after a bare CR does not end the mail data, even with a true CRLF behind it.

    Filters that "clean" bare CRs into CRLF on the way in have made this one work from outside.
    """
    expect_only_text(dial, mailbox, b"\r.\r\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_crlf_dot_cr(dial: Dial, mailbox: Mailbox) -> None:
    """A line of a period and a bare CR does not end the mail data."""
    expect_only_text(dial, mailbox, b"\r\n.\r")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_crlf_dot_cr_crlf(dial: Dial, mailbox: Mailbox) -> None:
    """A line of a period and a surplus CR does not end the mail data.

    Dropping every CR before the LF, not just one, is what "strip the line end" does in many languages.
    """
    expect_only_text(dial, mailbox, b"\r\n.\r\r\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
def check_does_not_end_at_cr_crlf_dot_cr_crlf(dial: Dial, mailbox: Mailbox) -> None:
    """Surplus CRs on both sides of the period do not make an end of data.

    It is what CRLF.CRLF becomes when some hop turns each LF into CRLF without looking for the CR before it.
    """
    expect_only_text(dial, mailbox, b"\r\r\n.\r\r\n")


@must("rfc5321/4.1.1.4/3")
def check_does_not_end_at_crlf_nul_dot_crlf(dial: Dial, mailbox: Mailbox) -> None:
    """A line of NUL and a period does not end the mail data.

    Servers that drop NULs before they look at the line find a lone period.
    """
    expect_only_text(dial, mailbox, b"\r\n\x00.\r\n")


@must("rfc5321/4.1.1.4/3")
def check_does_not_end_at_crlf_dot_nul_crlf(dial: Dial, mailbox: Mailbox) -> None:
    """A line of a period and NUL does not end the mail data.

    To a string function that stops at NUL the line is a lone period.
    """
    expect_only_text(dial, mailbox, b"\r\n.\x00\r\n")


@must("rfc5321/4.1.1.4/3")
@given(sequence=st.sampled_from((b"\r\n. \r\n", b"\r\n.\t\r\n", b"\r\n .\r\n", b"\r\n\t.\r\n")), at_most=4)
def check_does_not_end_at_a_dot_with_white_space(dial: Dial, mailbox: Mailbox, sequence: bytes) -> None:
    """A line of a period and blanks or tabs does not end the mail data.

    Tolerating white space is right for commands (§4.1.1) and wrong for text: servers that trim each line first take it
    for the end.
    """
    expect_only_text(dial, mailbox, sequence)


@must("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2")
@given(line_end=st.sampled_from(OTHER_LINE_ENDS), at_most=9)
def check_does_not_end_at_a_dot_between_other_line_ends(dial: Dial, mailbox: Mailbox, line_end: bytes) -> None:
    """A period between characters that end lines elsewhere does not end the mail data.

    The functions that split Unicode text into lines know up to ten line ends; SMTP knows one.
    """
    expect_only_text(dial, mailbox, line_end + b"." + line_end)


SMUGGLED = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n")


@must("rfc5321/4.1.1.4/3", "rfc5321/4.1.1.4/8", "rfc5321/2.3.8/2")
@given(sequence=st.sampled_from(SMUGGLED), cut=st.integers(1, 4), at_most=len(SMUGGLED))
def check_does_not_end_where_a_tls_record_does(dial: Dial, mailbox: Mailbox, sequence: bytes, cut: int) -> None:
    """Inside TLS, a sequence that is no end of data is none where one record ends in it and the next begins.

    Records reach a server one by one, and code that looks for line ends in each by itself sees other lines.
    """
    expect_only_text(dial, mailbox, sequence, record_ends_at=min(cut, len(sequence) - 1))


@must("rfc5321/4.1.1.4/3", "rfc5321/4.5.2/2")
@cuts_itself
def check_is_seen_wherever_it_is_cut(dial: Dial, mailbox: Mailbox) -> None:
    """CRLF, period, CRLF ends the mail data however TCP cuts it.

    A server that looks for the sequence in each segment by itself waits for ever, or loses the message, as soon as the
    network cuts in an unlucky place.
    """
    ending = b"\r\n.\r\n"
    with dial() as smtp:
        smtp.greet()
        if not mailbox.deliver(smtp, mailbox.compose(mailbox.token(), b"whole\r\n")).positive:
            raise InconclusiveError("a plain message was refused")
        for cut in (*range(1, len(ending)), 0):
            smtp.begin_data()
            text = stuffed(mailbox.compose(mailbox.token(), b"last line"))
            if cut:
                send_apart(smtp, text + ending[:cut], ending[cut:])
            else:
                send_apart(smtp, text, *(bytes([octet]) for octet in ending))
            reply = settled(smtp.read_reply())
            expect(reply.positive, f"the message to be accepted with its end cut at {cut}, as it is when whole", reply)


@must("rfc5321/4.1.1.4/4")
@intrusive
def check_ends_a_text_of_no_lines(dial: Dial) -> None:
    """A period on the very first line after DATA ends the mail data: the CRLF of DATA is the one before it.

    Such a message has no header and may be refused, but a server that waits for a CRLF of the text's own keeps the
    client waiting for its reply.
    """
    with dial() as smtp:
        smtp.greet()
        smtp.begin_data()
        try:
            reply = smtp.raw_text(b".\r\n")
        except SilenceError as error:
            smtp.abandon()
            raise ViolationError("a reply to the lone period", error.what) from error
        expect(reply.positive or reply.transient or reply.permanent, "2yz, 4yz or 5yz to the lone period", reply)
