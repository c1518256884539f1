"""What is timed in a session: every phase has a name, which thresholds and reports use, and a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PHASES: Mapping[str, str] = MappingProxyType(
    {
        # Whole operations, as somebody waits for them.
        "submit": "a whole message, from MAIL (in an open run: from when it was due) to the reply to its final dot",
        "delivery": "from a message's MAIL until its reader has been told of it and has it",
        "push": "from the reply to a message's final dot until an idling client is told of it",
        "poll": "a whole visit to a POP3 mailbox, from connecting to the reply to QUIT",
        "sync": "a whole synchronisation of a mailbox by a mail program",
        "action": "one thing a person does in a mail program: read, reply, delete, search",
        "session": "a whole session, from connecting to the end of the farewell",
        "operation": "what a user class of your own does in a turn",
        "normal": "a visit of a normal user beside slow clients, from connecting to its mail being taken or read",
        "alone": "the same, before the slow clients come",
        "dropped": "a slow client's session, from connecting until the server drops it",
        "kept": "a slow client's session that the server still keeps in the end, since connecting",
        # Setting up a session.
        "connect": "the TCP connection",
        "greeting": "from the connection, or its TLS, to the greeting",
        "tls": "STARTTLS or STLS with its handshake, or the handshake alone",
        "auth": "all of a log-in",
        # SMTP and LMTP (RFC 5321, RFC 2033).
        "ehlo": "EHLO or LHLO",
        "mail": "MAIL",
        "rcpt": "RCPT",
        "data": "DATA, to its 354",
        "final_dot": "from the final dot to its reply (the last one, in LMTP)",
        "rset": "RSET",
        "quit": "QUIT",
        # POP3 (RFC 1939).
        "capa": "CAPA",
        "stat": "STAT",
        "uidl": "UIDL",
        "retr": "RETR, to the last octet of the message",
        "top": "TOP",
        "dele": "DELE",
        # IMAP (RFC 3501, RFC 9051); RFC 3501's `list` and POP3's share a name and never a run.
        "capability": "CAPABILITY",
        "enable": "ENABLE",
        "namespace": "NAMESPACE",
        "list": "LIST",
        "status": "STATUS",
        "select": "SELECT",
        "fetch": "FETCH or UID FETCH, to its tagged reply",
        "store": "STORE or UID STORE",
        "search": "SEARCH or UID SEARCH",
        "append": "APPEND of one message",
        "multiappend": "APPEND of several messages at once (RFC 3502)",
        "create": "CREATE",
        "delete": "DELETE",
        "close": "CLOSE",
        "copy": "COPY or UID COPY",
        "move": "MOVE or UID MOVE",
        "expunge": "EXPUNGE or UID EXPUNGE",
        "idle": "from IDLE to its continuation",
        "done": "from DONE to the tagged reply to IDLE",
        "noop": "NOOP",
        "logout": "LOGOUT",
    }
)
"""Latencies run from the last octet of a command handed to the kernel to the last octet of its reply."""
