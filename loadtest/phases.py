"""What is timed in a session, in the order in which it happens."""

from __future__ import annotations

PHASES = (
    "connect",
    "greeting",
    "tls",
    "ehlo",
    "auth",
    "mail",
    "rcpt",
    "data",
    "final_dot",
    "submit",
    "rset",
    "quit",
)
"""`tls` is STARTTLS with its handshake, or the handshake alone; `auth` all of a log-in; `final_dot` the wait for the
reply to the text; `submit` a whole message, from MAIL to that reply, without what it took to open the session."""
