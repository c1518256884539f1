"""Who may log in, and what proves it: the same for every store and every protocol (RFC 4013, RFC 5802, RFC 1939 §7).

A store keeps mail by address; everything about passwords is here. Secrets never show in a repr, and every comparison of
a secret takes the same time whatever was wrong.
"""

from __future__ import annotations

from reference_server.accounts.directory import DEFAULT_USERS, Directory
from reference_server.accounts.scram_keys import ScramKeys
from reference_server.accounts.user import User

__all__ = ["DEFAULT_USERS", "Directory", "ScramKeys", "User"]
