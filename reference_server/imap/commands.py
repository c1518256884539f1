"""Which command is valid in which state, what reads it and what runs it (RFC 3501 §3, §6, §9).

An extension adds its rows to `COMMANDS`, a mixin to `core.ImapCore` and its name to `capability.ALWAYS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap import (
    acl,
    append,
    auth,
    compress,
    context,
    copying,
    enable,
    events,
    fetch,
    listing_options,
    mailboxes,
    metadata,
    namespace,
    quota,
    replace,
    search,
    selection,
    sort,
    storing,
    thread,
    urlauth,
)
from reference_server.imap.grammar import Cursor, no_arguments
from reference_server.imap.names import parse_mailbox
from reference_server.imap.session import State


@dataclass(frozen=True, slots=True)
class Command:
    """One command: where it is valid, what reads its arguments, and the name of the core's method that runs it."""

    valid_in: frozenset[State]
    parse: Callable[[Cursor], object]
    method: str


ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
ONLY_BEFORE = frozenset({State.NOT_AUTHENTICATED})
ONLY_UNSELECTED = frozenset({State.AUTHENTICATED})
LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
ONLY_SELECTED = frozenset({State.SELECTED})

# A command in a state that its row does not name is answered BAD and changes nothing.
COMMANDS: Mapping[bytes, Command] = MappingProxyType({
    # command-any (RFC 3501 §6.1)
    b"CAPABILITY": Command(ANY, no_arguments, "on_capability"),
    b"NOOP": Command(ANY, no_arguments, "on_noop"),
    b"LOGOUT": Command(ANY, no_arguments, "on_logout"),
    b"ID": Command(ANY, namespace.parse_id, "on_id"),
    # command-nonauth (RFC 3501 §6.2)
    b"STARTTLS": Command(ONLY_BEFORE, no_arguments, "on_starttls"),
    b"AUTHENTICATE": Command(ONLY_BEFORE, auth.parse_authenticate, "on_authenticate"),
    b"LOGIN": Command(ONLY_BEFORE, auth.parse_login, "on_login"),
    # command-auth (RFC 3501 §6.3)
    b"CREATE": Command(LOGGED_IN, mailboxes.parse_create, "on_create_for"),
    b"SELECT": Command(LOGGED_IN, selection.parse_select, "on_select"),
    b"EXAMINE": Command(LOGGED_IN, selection.parse_select, "on_examine"),
    b"DELETE": Command(LOGGED_IN, parse_mailbox, "on_delete"),
    b"RENAME": Command(LOGGED_IN, mailboxes.parse_rename, "on_rename"),
    b"SUBSCRIBE": Command(LOGGED_IN, parse_mailbox, "on_subscribe"),
    b"UNSUBSCRIBE": Command(LOGGED_IN, parse_mailbox, "on_unsubscribe"),
    b"LIST": Command(LOGGED_IN, listing_options.parse_list, "on_list"),
    b"LSUB": Command(LOGGED_IN, listing_options.parse_lsub, "on_lsub"),
    b"STATUS": Command(LOGGED_IN, mailboxes.parse_status, "on_status"),
    b"APPEND": Command(LOGGED_IN, append.parse_append, "on_append"),
    b"IDLE": Command(LOGGED_IN, no_arguments, "on_idle"),
    b"NAMESPACE": Command(LOGGED_IN, no_arguments, "on_namespace"),
    b"RESETKEY": Command(LOGGED_IN, urlauth.parse_resetkey, "on_resetkey"),
    b"GENURLAUTH": Command(LOGGED_IN, urlauth.parse_genurlauth, "on_genurlauth"),
    b"URLFETCH": Command(LOGGED_IN, urlauth.parse_urlfetch, "on_urlfetch"),
    b"COMPRESS": Command(LOGGED_IN, compress.parse_compress, "on_compress"),
    b"ENABLE": Command(ONLY_UNSELECTED, enable.parse_enable, "on_enable"),
    b"UNAUTHENTICATE": Command(LOGGED_IN, no_arguments, "on_unauthenticate"),
    b"GETQUOTA": Command(LOGGED_IN, quota.parse_root, "on_getquota"),
    b"GETQUOTAROOT": Command(LOGGED_IN, parse_mailbox, "on_getquotaroot"),
    b"SETACL": Command(LOGGED_IN, acl.parse_setacl, "on_setacl"),
    b"DELETEACL": Command(LOGGED_IN, acl.parse_on_identifier, "on_deleteacl"),
    b"GETACL": Command(LOGGED_IN, parse_mailbox, "on_getacl"),
    b"LISTRIGHTS": Command(LOGGED_IN, acl.parse_on_identifier, "on_listrights"),
    b"MYRIGHTS": Command(LOGGED_IN, parse_mailbox, "on_myrights"),
    b"GETMETADATA": Command(LOGGED_IN, metadata.parse_getmetadata, "on_getmetadata"),
    b"SETMETADATA": Command(LOGGED_IN, metadata.parse_setmetadata, "on_setmetadata"),
    b"NOTIFY": Command(LOGGED_IN, events.parse_notify, "on_notify"),
    b"SETQUOTA": Command(LOGGED_IN, quota.parse_setquota, "on_setquota"),
    # command-select (RFC 3501 §6.4)
    b"CHECK": Command(ONLY_SELECTED, no_arguments, "on_check"),
    b"CLOSE": Command(ONLY_SELECTED, no_arguments, "on_close"),
    b"UNSELECT": Command(ONLY_SELECTED, no_arguments, "on_unselect"),
    b"EXPUNGE": Command(ONLY_SELECTED, no_arguments, "on_expunge"),
    b"SEARCH": Command(ONLY_SELECTED, search.parse_search, "on_search"),
    b"SORT": Command(ONLY_SELECTED, sort.parse_sort, "on_sort"),
    b"THREAD": Command(ONLY_SELECTED, thread.parse_thread, "on_thread"),
    b"FETCH": Command(ONLY_SELECTED, fetch.parse_fetch, "on_fetch"),
    b"STORE": Command(ONLY_SELECTED, storing.parse_store, "on_store"),
    b"COPY": Command(ONLY_SELECTED, copying.parse_copy, "on_copy"),
    b"MOVE": Command(ONLY_SELECTED, copying.parse_copy, "on_move"),
    b"REPLACE": Command(ONLY_SELECTED, replace.parse_replace, "on_replace"),
    b"UID REPLACE": Command(ONLY_SELECTED, replace.parse_replace, "on_replace"),
    b"UID EXPUNGE": Command(ONLY_SELECTED, selection.parse_uids, "on_uid_expunge"),
    b"UID SEARCH": Command(ONLY_SELECTED, search.parse_search, "on_search"),
    b"UID SORT": Command(ONLY_SELECTED, sort.parse_sort, "on_sort"),
    b"UID THREAD": Command(ONLY_SELECTED, thread.parse_thread, "on_thread"),
    b"CANCELUPDATE": Command(ONLY_SELECTED, context.parse_cancelupdate, "on_cancelupdate"),
    b"UID FETCH": Command(ONLY_SELECTED, fetch.parse_fetch, "on_fetch"),
    b"UID STORE": Command(ONLY_SELECTED, storing.parse_store, "on_store"),
    b"UID COPY": Command(ONLY_SELECTED, copying.parse_copy, "on_copy"),
    b"UID MOVE": Command(ONLY_SELECTED, copying.parse_copy, "on_move"),
})  # fmt: skip
"""Every command by its name in capitals."""
