"""The load scenarios by name. Nothing here imports locust: naming them must not patch the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "smtp": ("smtp", "smtps", "submission", "submissions"),
        "lmtp": ("lmtp",),
        "inbound": ("smtp", "smtps", "lmtp"),
        "pop3": ("pop3", "pop3s"),
        "imap": ("imap", "imaps"),
        "any": ("smtp", "smtps", "submission", "submissions", "lmtp", "pop3", "pop3s", "imap", "imaps"),
    }
)
"""What a server is to a scenario, and the schemes of the URLs that can be it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A kind of load.

    `about` says what a person or machine would do, with units. `user_class` is `module:class`, or `file.py:class` of a
    locust file of the user's own. `needs` are roles that the URLs must fill, `takes` those that they may: a mailbox
    that can be read closes the ledger. `headline` is the phase whose latency stands for the whole, `operations` the
    plural of what a user does over and over. Users pause `think_s` seconds on average between operations, and come so
    many a second (`spawn_per_s`; None: all at once). An account is needed
    where `needs_account` says so, or everywhere but at servers whose scheme is in `account_unless`. `slow_clients` come
    beside the users. `fails_if` are thresholds besides those of all scenarios. `hands_in` is False where no server is
    ever given a message.
    `is_steady`: users do at the end of a run what they do at its beginning, so that another latency then is a drift.
    """

    name: str
    summary: str
    about: str
    user_class: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    headline: str = "submit"
    operations: str = "messages"
    think_s: float = 0.0
    messages_per_session: int = 1
    logs_in: bool = True
    needs_account: bool = False
    spawn_per_s: float | None = None
    account_unless: tuple[str, ...] | None = None
    slow_clients: int = 0
    fails_if: tuple[str, ...] = ()
    hands_in: bool = True
    is_steady: bool = True


_ALL = (
    Scenario(
        name="submit",
        summary="people's mail programs hand in messages, each waiting for the reply before the next",
        about=(
            "A person's mail program: it connects, secures the session where it must, logs in, hands in one message "
            "(4096 octets, unless told otherwise) and quits. With --messages-per-session it hands in so many before "
            "it quits, with --pace at most so many per second. After a refusal or a failure it waits 0.1 s, twice as "
            "long each further time, at most 2 s."
        ),
        needs=("smtp",),
        takes=("imap", "pop3"),
        user_class="loadtest.scenarios.submitting:SubmittingUser",
    ),
    Scenario(
        name="relay",
        summary="mail servers pass mail on to this one (MX to MX), many messages in a session",
        about=(
            "A mail server whose queue holds mail for this domain (RFC 5321 §3.6): it connects, secures the session "
            "where it is told to, never logs in, and hands in messages (4096 octets, unless told otherwise) one after "
            "the other for as long as the session lasts; --messages-per-session ends it sooner. The sender is a "
            "stranger; --from '' makes it the null sender of bounces (§4.5.5). Each message goes to every recipient "
            "that --to names, or to so many of them as --recipients-per-message says, as far as they are accepted. "
            "With --pipelining a message's envelope leaves in one write with the text before (RFC 2920)."
        ),
        needs=("smtp",),
        takes=("imap", "pop3"),
        user_class="loadtest.scenarios.submitting:RelayingUser",
        messages_per_session=0,
        logs_in=False,
    ),
    Scenario(
        name="lmtp",
        summary="a mail server hands mail to the one that keeps the mailboxes, over LMTP",
        about=(
            "A mail server delivering to mailboxes (RFC 2033): as relay does, but for LHLO and a reply for each "
            "recipient after the text. A message of which any recipient's copy was accepted counts as accepted, and "
            "the mailboxes of the others are not expected to have it."
        ),
        needs=("lmtp",),
        takes=("imap", "pop3"),
        user_class="loadtest.scenarios.submitting:DeliveringServer",
        messages_per_session=0,
        logs_in=False,
    ),
    Scenario(
        name="pop3-poll",
        summary="mail programs look into their maildrops over POP3 every few minutes",
        about=(
            "A mail program on a person's desk: every five minutes (on average; --think-time says otherwise) it "
            "connects, secures the session where it must, logs in, asks for STAT and UIDL, fetches what is new, "
            "removes what it fetched at the visit before (DELE), and quits. At its first visit it knows what lies "
            "there already. With an SMTP or LMTP URL beside, --feed-rate messages a second (1) come for the accounts "
            "in turn and are accounted for. A maildrop is open to one session at a time (RFC 1939 §3), so give as "
            "many accounts as users."
        ),
        needs=("pop3",),
        takes=("inbound",),
        headline="poll",
        operations="polls",
        user_class="loadtest.scenarios.polling:PollingUser",
        think_s=300.0,
        needs_account=True,
        logs_in=False,
    ),
    Scenario(
        name="imap-idle",
        summary="a fleet of mail programs waits over IMAP to be told of new mail",
        about=(
            "Telephones in pockets: each logs in once, opens INBOX and idles (RFC 2177), entering IDLE anew every 29 "
            "minutes. With an SMTP or LMTP URL beside, --feed-rate messages a second (1) come for the accounts in "
            "turn, and each client that idles at that mailbox is timed from the reply to the final dot until it is "
            "told (a push; 0 if it was told first). 500 clients come per second (--spawn-rate)."
        ),
        needs=("imap",),
        takes=("inbound",),
        headline="push",
        operations="pushes",
        user_class="loadtest.scenarios.idling:IdlingUser",
        needs_account=True,
        logs_in=False,
        spawn_per_s=500.0,
    ),
    Scenario(
        name="imap-sync",
        summary="mail programs keep a copy of their mailboxes over IMAP, as Thunderbird does",
        about=(
            "A mail program that is open all day. In each session it logs in, enables CONDSTORE, QRESYNC and UTF-8 as "
            "far as they are offered, asks for NAMESPACE and LIST, and opens INBOX with what it knows of it since the "
            "last session: told that UIDVALIDITY and modification sequence, the server says what changed (QRESYNC), "
            "or is asked for it (CONDSTORE), or for the flags of all that is known. Then, every minute (on average; "
            "--think-time says otherwise) or as soon as it is told of new mail while it idles, it asks for flags, "
            "sizes and headers of what is new, and reads half of that whole: the newest, and none above 50 KiB. By "
            "the clock it asks for the STATUS of up to five other mailboxes, too. Without IDLE a round begins with "
            "NOOP. After ten rounds it logs out. With an SMTP or LMTP URL beside, --feed-rate messages a second (1) "
            "come for the accounts in turn and are accounted for, also those that were not read."
        ),
        needs=("imap",),
        takes=("inbound",),
        headline="sync",
        operations="synchronisations",
        user_class="loadtest.scenarios.syncing:SyncingUser",
        think_s=60.0,
        needs_account=True,
        logs_in=False,
    ),
    Scenario(
        name="office",
        summary="people in an office read, answer, delete and search their mail over IMAP",
        about=(
            "A person in an office, with INBOX open all day. Of a hundred actions forty read the newest mail that is "
            "not yet read, fifteen answer (a message of 4096 octets, unless told otherwise, handed in to the SMTP or "
            "LMTP URL beside; without one these read, too), fifteen delete the oldest message that was read, fifteen "
            "search (for a word in a header, or for what is unread), and fifteen look at what other mailboxes hold. "
            "Between actions it thinks for 20 s on average (--think-time) while the mail program idles (RFC 2177): "
            "every second time that it is told of new mail then, it reads the newest at once. Without IDLE the next "
            "action begins with NOOP. --feed-rate messages a second (1) come for the accounts in turn; all is "
            "accounted for."
        ),
        needs=("imap",),
        takes=("inbound",),
        headline="action",
        operations="actions",
        user_class="loadtest.scenarios.office:OfficeUser",
        think_s=20.0,
        needs_account=True,
        logs_in=False,
    ),
    Scenario(
        name="big-mailbox",
        summary="what IMAP commands cost as a mailbox grows",
        about=(
            "A person who never deletes. Each user fills a mailbox of its own (removed afterwards) with messages "
            "(4096 octets, unless told otherwise), a hundred in a command where the server takes as many (MULTIAPPEND, "
            "RFC 3502), up to 100, 300, 1,000, 3,000, … up to 100,000, as far as the time "
            "goes, and at each size does five rounds of SELECT, FETCH of all flags, SEARCH, FETCH of one message and "
            "STORE: the report draws each command's time against the size. One user is enough (--users 1)."
        ),
        needs=("imap",),
        headline="action",
        operations="rounds",
        user_class="loadtest.scenarios.big_mailbox:BigMailboxUser",
        is_steady=False,
        needs_account=True,
        logs_in=False,
    ),
    Scenario(
        name="slow-clients",
        is_steady=False,
        summary="a fleet of clients that dawdle beside normal users that want to be served: do those still get served?",
        about=(
            "Normal users visit the server of the first URL, over and over, each time in a session of its own: over "
            "SMTP and LMTP they hand in a message (4096 octets, unless told otherwise), over POP3 and IMAP they log in "
            "and read the newest one. For a third of the run (30 s at most) they are alone. Then the slow clients come "
            "(slowloris; --slow-clients, 100): each connects, logs in nowhere, begins something, never ends it, and "
            "comes again when it was dropped. Half of them say a command one octet a second; the others fall silent in "
            "a text, a password or a literal; where TLS comes first, a third says that handshake octet by octet. The "
            "latency is that of the normal users, alone before and normal beside the fleet. What became of the slow "
            "ones is counted, with the age of their sessions when the server dropped them or, kept to the end, when "
            "the run was over: RFC 5321 §4.5.3.2.7 gives 5 minutes of silence, RFC 1939 §3 gives 10, RFC 3501 §5.4 "
            "gives 30 (RFC 9051 §5.4: once they have logged in), and none of them an octet now and then without end. "
            "All come from one address, so a server's limit for each address meets the normal users, too."
        ),
        needs=("any",),
        takes=("imap", "pop3"),
        headline="normal",
        operations="visits",
        user_class="loadtest.scenarios.slow:NormalUser",
        logs_in=False,
        account_unless=("smtp", "smtps", "lmtp"),
        slow_clients=100,
        fails_if=("served < 1",),
    ),
    Scenario(
        name="delivery",
        summary="messages go in over SMTP or LMTP, and idling readers have them pushed to them over IMAP",
        about=(
            "Two people, one waiting for the other's message: a mail server hands in a message (4096 octets, unless "
            "told otherwise) for a mailbox, as relay does, while its reader has INBOX open and idles (RFC 2177). Told "
            "of something new, the reader fetches it. The latency is that of the whole way, from MAIL until the "
            "reader has every octet. The next message follows when the one before has arrived, or has not within "
            "--late-after (10 s), which is a failure; --think-time gives the seconds between, --arrivals messages per "
            "second. Each account has one reader in each process; users take the accounts in turn."
        ),
        needs=("inbound", "imap"),
        headline="delivery",
        user_class="loadtest.scenarios.delivering:DeliveringUser",
        messages_per_session=0,
        logs_in=False,
        needs_account=True,
    ),
    Scenario(
        name="soak",
        summary="people hand in mail at a modest rate for hours, in sessions that come and go",
        about=(
            "An ordinary day without an end: mail programs log in, hand in three messages (4096 octets, unless told "
            "otherwise) some 5 s apart, quit and come back. Ten users make two messages a second. Run it for hours "
            "(--run-time 8h): what leaks, fills up or slows down shows in the latency over time, which the report "
            "draws in intervals that grow with the run, and in the ledger. It says whether latency or errors in the "
            "last tenth differ from the first by more than chance (from 2 minutes on)."
        ),
        needs=("smtp",),
        takes=("imap", "pop3"),
        user_class="loadtest.scenarios.submitting:SubmittingUser",
        think_s=5.0,
        messages_per_session=3,
    ),
    Scenario(
        name="connections",
        summary="clients connect, log in if they can, and quit, over and over",
        about=(
            "What a server sees when everybody comes at once, as after a power cut, and from monitors that look every "
            "few seconds: a client connects, is greeted, secures the session where it must (--tls always: each time), "
            "logs in if there is an account, and takes its leave, over SMTP, LMTP, POP3 or IMAP. It does so again at "
            "once; --think-time gives the seconds between, --arrivals sessions per second, as a steady stream or a "
            "storm. One machine has some 28,000 ports to connect from to one server, each of which may rest for 60 s "
            "after use, so it lasts for 470 sessions per second for hours, where neither the server closes first nor "
            "the kernel reuses ports (Linux does on loopback); 'connect: EADDRNOTAVAIL' among the errors tells that "
            "they ran out, 'connect: EMFILE' that a process may not have that many open files (ulimit -Hn). Such "
            "limits of the machine that makes the load are named as its own, and count as no failure of the server."
        ),
        needs=("any",),
        headline="session",
        operations="sessions",
        user_class="loadtest.scenarios.connecting:ConnectingUser",
        hands_in=False,
    ),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _ALL})
