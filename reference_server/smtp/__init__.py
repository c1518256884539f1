"""Server cores for SMTP (RFC 5321) and LMTP (RFC 2033), one module for each noun of the RFCs.

Extensions: SIZE (1870), PIPELINING (2920), ENHANCEDSTATUSCODES (2034), CHUNKING and BINARYMIME (3030), STARTTLS (3207),
DSN (3461), AUTH (4954), 8BITMIME (6152), SMTPUTF8 (6531), REQUIRETLS (8689); submission as in RFC 6409. The cores
deliver to their own store and never relay.
"""
