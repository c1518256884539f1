# Recipe: Postfix takes mail in (smtp, smtps, submission), Dovecot keeps and shows it (lmtp, pop3, imap) and checks
# passwords for both. Sourced by private_layer.sh, which explains the environment.
#
# Every setting that conformance may hang on is left at the packages' default. Changed are: where to listen, who the
# users are, that nothing leaves, that log-in is possible without TLS, and brakes that only cost time.
# shellcheck shell=bash disable=SC2034,SC2154

PACKAGES=(postfix dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd)
DOMAIN=example.test
USERS=(alice bob postmaster) # RFC 5321 §4.5.1: every domain has a postmaster; here it is a mailbox like the others

prepare() {
  case $(dovecot --version) in
    2.3.*) ;;
    *) echo "this recipe is written for Dovecot 2.3; the package is $(dovecot --version)"; return 1 ;;
  esac
  getent passwd vmail || useradd --system --user-group --home-dir /var/vmail --shell /usr/sbin/nologin vmail
}

serve() {
  # The machine's own queue, should it have one, stays out of sight.
  mount -t tmpfs -o mode=755 tmpfs /var/spool/postfix
  install -d -o postfix -m 700 /var/spool/postfix/private
  install -d -o vmail -g vmail -m 700 /var/vmail
  configure_dovecot
  configure_postfix
  dovecot -F &
  postfix start-fg &
}

configure_dovecot() {
  # {PLAIN}, because CRAM-MD5 and SCRAM cannot be answered from a hash of another kind.
  printf "%s@$DOMAIN:{PLAIN}secret\n" "${USERS[@]}" >/etc/dovecot/users
  cat >/etc/dovecot/dovecot.conf <<END
protocols = imap pop3 lmtp
listen = 127.0.0.1
log_path = /dev/stderr
hostname = $HOST_NAME

ssl = yes
ssl_cert = <$RUN/tls/cert.pem
ssl_key = <$RUN/tls/key.pem

# Log-in is allowed without TLS, with "alice" as well as with "alice@$DOMAIN".
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_default_realm = $DOMAIN
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/var/vmail/%n
}
first_valid_uid = 1
mail_location = maildir:/var/vmail/%n/Maildir
namespace inbox {
  inbox = yes
}

# A wrong password costs 2 s by default, and the next log-in from that address up to 15 s more. What remains is
# half a second: Dovecot sends its refusals no oftener than that.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
mail_max_userip_connections = 0

service imap-login {
  inet_listener imap {
    port = $PORT_IMAP
  }
  inet_listener imaps {
    port = $PORT_IMAPS
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = $PORT_POP3
  }
  inet_listener pop3s {
    port = $PORT_POP3S
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = $PORT_LMTP
  }
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
END
}

configure_postfix() {
  cat >/etc/postfix/main.cf <<END
compatibility_level = 3.6
maillog_file = /dev/stdout
myhostname = $HOST_NAME
mydomain = $DOMAIN
myorigin = \$mydomain
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
recipient_delimiter = +

# Mail for the users goes to Dovecot, mail for the host's own names to the postmaster only.
virtual_mailbox_domains = \$mydomain
virtual_mailbox_maps = inline:{ $(printf "{ %s@$DOMAIN = mailbox } " "${USERS[@]}")}
virtual_transport = lmtp:unix:private/dovecot-lmtp
alias_maps = inline:{ { postmaster = postmaster@$DOMAIN } }
alias_database =
local_recipient_maps = \$alias_maps

# Nothing leaves: clients on loopback get no more trust than others, and other domains have no transport.
mynetworks =
default_transport = error:5.1.2 no mail leaves this machine
relay_transport = error:5.1.2 no mail leaves this machine
disable_dns_lookups = yes

smtpd_tls_security_level = may
smtpd_tls_cert_file = $RUN/tls/cert.pem
smtpd_tls_key_file = $RUN/tls/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth

smtpd_error_sleep_time = 0
# No pause before a queue file where many come in at once: the judge aborts transactions on purpose.
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
END
  # The services as the package ships them, on ports of our own and without the chroot that would need file copies.
  cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
  postconf -F '*/*/chroot = n'
  postconf -MX smtp/inet
  smtpd "$PORT_SMTP"
  smtpd "$PORT_SMTPS" -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
  # As in the package's commented-out example, but TLS is left to the client.
  smtpd "$PORT_SUBMISSION" -o smtpd_sasl_auth_enable=yes \
    -o smtpd_recipient_restrictions= -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
}

smtpd() { # PORT OPTION...: one more service that speaks SMTP
  postconf -M "127.0.0.1:$1/inet = 127.0.0.1:$1 inet n - n - - smtpd ${*:2}"
}
