"""Checks of a whole mail system: what goes in by SMTP against what comes out by POP3 and IMAP."""
