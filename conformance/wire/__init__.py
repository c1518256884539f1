"""Client-side protocol cores for SMTP (RFC 5321), POP3 (RFC 1939) and IMAP (RFC 3501, 9051), and the one socket shell.

The cores turn octets into replies and never touch a socket or a clock. Nothing here may import `reference_server`: the
judge and the server it is proved against must not share a misreading. Nothing here imports the rest of
`conformance`, so that `loadtest` can stand on it.
"""
