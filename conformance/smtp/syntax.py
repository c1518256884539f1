"""What the server's own words must look like: domains, literals, keywords, status codes (RFC 5321 §4.1, RFC 2034 §4).

The judge's own reading of the grammar; each pattern stands under the ABNF it implements and is used with `fullmatch`
unless it says otherwise.
"""

from __future__ import annotations

import re

# sub-domain = Let-dig [Ldh-str] ; Domain = sub-domain *("." sub-domain)
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = _LABEL + rb"(?:\." + _LABEL + rb")*"

# address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
# All but IPv4 are a tag, a colon and dcontent (%d33-90 / %d94-126).
_LITERAL = rb"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[A-Za-z0-9-]*[A-Za-z0-9]:[\x21-\x5a\x5e-\x7e]+)\]"

HOST = re.compile(rb"(?:" + _DOMAIN + rb"|" + _LITERAL + rb")")
"""A domain or an address literal."""

# ehlo-line = ehlo-keyword *( SP ehlo-param ) ; ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
# ehlo-param = 1*(%d33-126)
EHLO_LINE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*(?: [\x21-\x7e]+)*")
"""One extension in the reply to EHLO, without the code and its hyphen."""

# status-code = ("2" / "4" / "5") "." 1*3DIGIT "." 1*3DIGIT, then at least one space before the text
STATUS_CODE = re.compile(rb"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)")
"""An enhanced status code at the start of a reply's text; use `match`. A reply without text ends right behind it."""

# "local-part@domain" or "<local-part@domain>", in a reply to VRFY
MAILBOX = re.compile(rb"[^<>\s]@" + _DOMAIN)
"""The end of a local-part, and the domain of a mailbox, somewhere in a text; use `search`."""

# msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS] (RFC 5322 §3.6.4); §4.5.4 has a local-part and a domain in it, so
# that there may be a quoted string.
MESSAGE_ID = re.compile(
    rb"(?:\s|\([^()]*\))*+<(?:\"(?:[^\"\\]|\\.)*\"|[^\s<>@\"])+@(?:\[[^\[\]\s]*\]|[^\s<>@\[\]]+)>(?:\s|\([^()]*\))*+",
    re.DOTALL,
)
"""The body of a Message-ID field."""

# date-time = [ day-name "," ] day month year hour ":" minute [ ":" second ] zone [CFWS] (RFC 5322 §3.3); §4.3 has years
# of two digits and zones with names.
DATE_TIME = re.compile(
    rb"\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s*,)?\s*[0-9]{1,2}\s+"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+[0-9]{2,}\s+"
    rb"[0-9]{2}\s*:\s*[0-9]{2}(?:\s*:\s*[0-9]{2})?\s+(?:[+-][0-9]{4}|[A-Z]{1,5})(?:\s|\([^()]*\))*+",
    re.IGNORECASE,
)
"""The body of a Date field."""
