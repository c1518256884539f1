"""Checks of POP3 servers: RFC 1939, 2449, 2595 and 5034."""
