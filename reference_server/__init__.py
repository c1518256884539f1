"""The reference mail server: SMTP (RFC 5321), LMTP (2033), POP3 (1939) and IMAP4rev1 (3501).

Sans-IO protocol cores, stores, and the asyncio shell that joins them. Imports nothing else of mailspec's: the judge and
the server it is proved against must not share a misreading.
"""
