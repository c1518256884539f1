"""Checks of IMAP servers: RFC 3501 and RFC 9051 with the extensions a server offers."""
