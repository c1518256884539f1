"""Sessions of SMTP, LMTP, POP3 and IMAP under load, with a deadline on every wait; and the judge of sampled replies."""
