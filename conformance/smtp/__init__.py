"""Checks of SMTP servers: RFC 5321, 6409, 1870, 2034, 2920, 3207, 4954, 6152 and the NVT rules they lean on."""
