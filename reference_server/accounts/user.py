"""One user as the operator describes him, before anything is derived from his password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reference_server.accounts.scram_keys import ScramKeys
from reference_server.stores import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What a user has to show, and where his mail goes.

    Without `password` and `scram_keys` he cannot log in by password, without `token` not by OAUTHBEARER or XOAUTH2
    (there is no default token). `certificate_names` are the names in client certificates that are his for EXTERNAL;
    empty means his address. Mail for an alias is his, and he may log in by it.
    """

    address: str
    password: str | None = field(default=None, repr=False)
    scram_keys: Sequence[ScramKeys] = field(default=(), repr=False)
    token: str | None = field(default=None, repr=False)
    certificate_names: Sequence[str] = ()
    aliases: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
