"""The judge: wire clients, strategies, catalogue and check suites for SMTP, LMTP, POP3 and IMAP servers.

May import `reports`, and nothing else of mailspec's: the judge and the server it is proved against must not share a
misreading.
"""
