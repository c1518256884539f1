# Recipe: Exim takes mail in (smtp, smtps, submission) and writes it to maildirs, Dovecot shows them (pop3, imap).
# Sourced by private_layer.sh, which explains the environment.
#
# Every setting of Exim's that conformance may hang on is left at its default. Changed are: where to listen, who the
# users are, that nothing leaves, that log-in is possible without TLS, what is announced only where it is configured
# (DSN, SMTPUTF8, PRDR, VRFY), and brakes that only cost time.
# shellcheck shell=bash disable=SC2034,SC2154

PACKAGES=(exim4-daemon-heavy dovecot-core dovecot-imapd dovecot-pop3d)
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
  mount -t tmpfs -o mode=755 tmpfs /var/spool/exim4
  chown Debian-exim:Debian-exim /var/spool/exim4
  install -d -o vmail -g vmail -m 700 /var/vmail
  configure_dovecot
  configure_exim
  dovecot -F &
  exim4 -bdf -q1m &
}

configure_dovecot() {
  printf "%s@$DOMAIN:{PLAIN}secret\n" "${USERS[@]}" >/etc/dovecot/users
  cat >/etc/dovecot/dovecot.conf <<END
protocols = imap pop3
listen = 127.0.0.1
log_path = /dev/stderr
hostname = $HOST_NAME

ssl = yes
ssl_cert = <$RUN/tls/cert.pem
ssl_key = <$RUN/tls/key.pem

# Log-in is allowed without TLS, with "alice" as well as with "alice@$DOMAIN".
disable_plaintext_auth = no
auth_mechanisms = plain login
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
END
}

configure_exim() {
  local user
  for user in "${USERS[@]}"; do printf '%s: secret\n%s@%s: secret\n' "$user" "$user" "$DOMAIN"; done >/etc/exim4/passwords
  cp "$RUN/tls/cert.pem" "$RUN/tls/key.pem" /etc/exim4/
  chown root:Debian-exim /etc/exim4/key.pem /etc/exim4/passwords
  chmod 640 /etc/exim4/key.pem /etc/exim4/passwords
  cat >/etc/exim4/exim4.conf <<END
primary_hostname = $HOST_NAME
qualify_domain = $DOMAIN
domainlist local_domains = $DOMAIN : $HOST_NAME
local_interfaces = <; [127.0.0.1]:$PORT_SMTP ; [127.0.0.1]:$PORT_SMTPS ; [127.0.0.1]:$PORT_SUBMISSION
tls_on_connect_ports = $PORT_SMTPS
disable_ipv6
log_file_path = /var/log/exim4/%slog
keep_environment =

tls_advertise_hosts = *
tls_certificate = /etc/exim4/cert.pem
tls_privatekey = /etc/exim4/key.pem
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
prdr_enable

# No name is looked up here, and the judge opens many connections and sends many messages in one.
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0

acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
acl_smtp_vrfy = accept

begin acl

check_mail:
  deny
    condition = \${if eq{\$received_port}{$PORT_SUBMISSION}}
    !authenticated = *
    message = 530 5.7.0 authentication required
  accept

# As in Exim's own example configuration: unusual local parts, relaying, unknown users.
check_rcpt:
  deny
    domains = +local_domains
    local_parts = ^[.] : ^.*[@%!/|]
    message = restricted characters in address
  accept
    local_parts = postmaster
    domains = +local_domains
  require
    domains = +local_domains
    message = relay not permitted
  require
    verify = recipient
  accept

begin routers

# RFC 5321 §4.5.1: postmaster in any case, also without a domain and at the host's own name.
postmaster:
  driver = redirect
  domains = $HOST_NAME
  local_parts = postmaster
  data = postmaster@$DOMAIN

mailboxes:
  driver = accept
  domains = $DOMAIN
  local_parts = $(IFS=:; echo "${USERS[*]}")
  local_part_suffix = +*
  local_part_suffix_optional
  transport = maildir

begin transports

maildir:
  driver = appendfile
  maildir_format
  directory = /var/vmail/\$local_part_data/Maildir
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
  user = vmail
  group = vmail
  mode = 0600

begin retry

* * F,1h,1m

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{!eq{\$auth3}{}}{eq{\$auth3}{\${lookup{\$auth2}lsearch{/etc/exim4/passwords}}}}}}
  server_set_id = \$auth2

login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{!eq{\$auth2}{}}{eq{\$auth2}{\${lookup{\$auth1}lsearch{/etc/exim4/passwords}}}}}}
  server_set_id = \$auth1

cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${lookup{\$auth1}lsearch{/etc/exim4/passwords}{\$value}fail}
  server_set_id = \$auth1
END
  exim4 -bV >/dev/null # says on standard error what is wrong with the configuration
}
