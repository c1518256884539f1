"""IMAP4rev1 server core (RFC 3501) and its extensions, one module each, as mixins that `core.ImapCore` puts together.

LITERAL+ (RFC 7888), UIDPLUS (4315), UNSELECT (3691), IDLE (2177), NAMESPACE (2342), SASL-IR (4959), ID (2971), CHILDREN
(3348), ENABLE (5161), MOVE (6851) and ESEARCH (4731). Sans-IO: octets and time come in as arguments.
"""
