"""How long a server waits for its client: RFC 5321 §4.5.3.2. These checks wait as long as it should (`--slow`)."""

from __future__ import annotations

from conformance.checks import should, takes_minutes
from conformance.errors import ViolationError
from conformance.expectations import expect_done
from conformance.fixtures import SmtpDial as Dial
from conformance.wire.errors import ClosedError, SilenceError

COMMAND_MINUTES = 5
JUST_UNDER = 0.98
"""How much of them is waited: servers that hang up after five minutes to the second, as Exim does, wait long enough."""


@should("rfc5321/4.5.3.2.7/1")
@takes_minutes
def check_waits_five_minutes_for_a_command(dial: Dial) -> None:
    """A client that is quiet for five minutes still has its session.

    Clients that wait for a DNS answer, a filter or a person in between lose the session to shorter time-outs, and
    connect and try again for ever.
    """
    with dial() as smtp:
        smtp.greet()
        expect_done(smtp.noop(), because="the session has just begun")
        try:
            said = smtp.connection.receive(smtp.connection.deadline(JUST_UNDER * dial.minutes(COMMAND_MINUTES)))
        except SilenceError:
            expect_done(smtp.noop(), because=f"no more than {COMMAND_MINUTES} minutes have passed")
            return
        except ClosedError as error:
            said = error.what.encode()
        smtp.abandon()
        raise ViolationError(f"nothing for {COMMAND_MINUTES} minutes, and then the session to go on", repr(said))
