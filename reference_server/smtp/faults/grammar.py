"""Servers that read arguments by another grammar than that of RFC 5321 §4.1.2 and §4.1.3."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore


@fault(
    "knows-no-blank-in-quotes",
    breaks=("rfc5321/4.1.2/24", "rfc5321/4.1.2/22"),
    also={
        "smtp/smtputf8/paths_may_have_utf8_in_them": "one of them has a blank in quotes",
    },
)
class KnowsNoBlankInQuotes(SmtpCore):
    """Takes a path to end at its first blank, quoted or not."""

    def on_mail(self, argument: bytes) -> bytes:
        """Cut by words before anything else."""
        if re.match(rb'(?i)FROM:<"[^>]* ', argument):
            return self.bad_argument("not a path", enhanced="5.5.2")
        return super().on_mail(argument)


@fault("wants-letters-first-in-labels", breaks="rfc5321/4.1.2/14")
class WantsLettersFirstInLabels(SmtpCore):
    """Reads domains by RFC 952, in which no label begins with a digit."""

    def on_mail(self, argument: bytes) -> bytes:
        """Looks at what follows the at sign and each dot behind it."""
        if re.match(rb"[^ ]*@(?:[^ @]*\.)?[0-9]", argument):
            return self.bad_argument("not a domain", enhanced="5.5.2")
        return super().on_mail(argument)


@fault(
    "takes-one-parameter-of-rcpt",
    breaks="rfc5321/4.1.2/8",
    also={
        "smtp/dsn/rcpt_is_accepted_with_any_valid_parameters": "some are two",
        "smtp/dsn/takes_parameters_of_full_length": "they are two",
    },
)
class TakesOneParameterOfRcpt(SmtpCore):
    """Has room for a single parameter behind the path of RCPT."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """Counts the blanks."""
        if argument.count(b" ") > 1:
            return self.bad_argument("too many parameters")
        return super().on_rcpt(argument)


@fault(
    "takes-two-parameters-of-mail",
    breaks="rfc5321/4.1.2/7",
    also={
        "smtp/dsn/takes_parameters_of_full_length": "they are more than two",
        "smtp/dsn/mail_is_accepted_with_any_valid_parameters": "some are more than two",
    },
)
class TakesTwoParametersOfMail(SmtpCore):
    """Has room for two parameters behind the path of MAIL."""

    def on_mail(self, argument: bytes) -> bytes:
        """Counts the blanks."""
        if argument.count(b" ") > 2:
            return self.bad_argument("too many parameters")
        return super().on_mail(argument)


@fault(
    "repairs-doubled-dots",
    breaks="rfc5321/4.3.2/7",
)
class RepairsDoubledDots(SmtpCore):
    """Takes two dots in a row for one."""

    def on_mail(self, argument: bytes) -> bytes:
        """Repairs before it reads."""
        return super().on_mail(re.sub(rb"\.\.+", b".", argument))


@fault(
    "takes-parameters-without-values",
    breaks="rfc5321/4.3.2/7",
    also={
        "smtp/dsn/bad_parameters_of_mail_are_answered_501": "some have no value",
        "smtp/eight_bit_mime/refuses_other_bodies": "one of them is none",
        "smtp/smtputf8/the_parameter_of_mail_has_no_value": "it is tried with an equals sign alone",
    },
)
class TakesParametersWithoutValues(SmtpCore):
    """Passes over an equals sign with nothing behind it, and the keyword too."""

    def on_mail(self, argument: bytes) -> bytes:
        """Repairs before it reads."""
        return super().on_mail(re.sub(rb" [A-Za-z0-9-]+=(?= |$)", b"", argument))


@fault("takes-underscores-in-domains", breaks=("rfc5321/4.1.2/33", "rfc5321/4.1.2/32"))
class TakesUnderscoresInDomains(SmtpCore):
    """Takes an underscore for one more letter of a host's name."""

    def on_mail(self, argument: bytes) -> bytes:
        """To its parser it looks like a hyphen."""
        local, at, domain = argument.rpartition(b"@")
        return super().on_mail(local + at + domain.replace(b"_", b"-"))


@fault("verifies-atoms-only", breaks=("rfc5321/4.1.1.6/4", "rfc5321/4.1.2/25"))
class VerifiesAtomsOnly(SmtpCore):
    """Answers VRFY of a quoted string as bad syntax."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """No quotes."""
        return self.bad_argument("VRFY takes a name") if argument[:1] == b'"' else super().on_vrfy(argument)


@fault("knows-no-ipv4-in-full-ipv6", breaks=("rfc5321/4.1.3/15", "rfc5321/4.1.3/10"))
class KnowsNoIpv4InFullIpv6(SmtpCore):
    """Takes the IPv4 form at the end of an IPv6 address only behind a double colon."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """Six groups and four numbers are too many things."""
        if b"." in argument and argument[:6].lower() == b"[ipv6:" and b"::" not in argument:
            return self.bad_argument("not an address", enhanced="5.5.2")
        return super().on_ehlo(argument)


@fault("takes-shortened-ipv6-only", breaks="rfc5321/4.1.3/12")
class TakesShortenedIpv6Only(SmtpCore):
    """Takes only IPv6 addresses that are shortened."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """Eight groups are more than it counts to."""
        if argument.count(b":") == 8:
            return self.bad_argument("not an address", enhanced="5.5.2")
        return super().on_ehlo(argument)
