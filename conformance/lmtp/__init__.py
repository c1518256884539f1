"""The LMTP suite (RFC 2033): what sets LMTP apart from SMTP. Its session is SMTP's with another greeting."""
