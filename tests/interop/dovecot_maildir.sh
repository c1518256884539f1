# Recipe: Dovecot shows, over imap, the Maildirs that lie below $MAILDIRS, each in the directory of its address. Before it
# starts, mutt goes once through the INBOX of alice@example.test. Sourced by private_layer.sh, which explains the
# environment; $MAILDIRS and all in it belongs to the user and group 10000.
# shellcheck shell=bash disable=SC2034,SC2154

PACKAGES=(dovecot-core dovecot-imapd mutt)

prepare() {
  case $(dovecot --version) in
    2.3.*) ;;
    *) echo "this recipe is written for Dovecot 2.3; the package is $(dovecot --version)"; return 1 ;;
  esac
  # mutt does nothing for a user without a name.
  getent passwd 10000 || useradd --uid 10000 --user-group --home-dir / --shell /usr/sbin/nologin reader
}

serve() {
  # Write down what the first message is, flag it, copy it to a folder, delete the second, and leave. The commands come from
  # a file that stands for a terminal's keys; a terminal itself is all that mutt insists on.
  local inbox="$MAILDIRS/alice@example.test"
  cat >/etc/mutt.keys <<END
set folder=$inbox sort=subject quit=yes delete=yes confirmappend=no mark_old=no resolve=no wait_key=no mbox_type=Maildir pipe_decode=no
push "<first-entry><pipe-message>cat >$MAILDIRS/seen-by-mutt<enter><flag-message>\\
<copy-message><kill-line>=.Entw&APw-rfe<enter><next-entry><delete-message><sync-mailbox><exit>"
END
  (cd / && HOME=/ TERM=vt100 setpriv --reuid 10000 --regid 10000 --clear-groups \
    timeout 20 script -qec "mutt -n -F /etc/mutt.keys -f '$inbox'" /dev/null </dev/null) || echo "mutt failed"

  cat >/etc/dovecot/dovecot.conf <<END
protocols = imap
listen = 127.0.0.1
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=10000 gid=10000 home=$MAILDIRS/%u
}
mail_location = maildir:$MAILDIRS/%u
namespace inbox {
  inbox = yes
  separator = /
}
mail_plugins = listescape
service imap-login {
  inet_listener imap {
    port = $PORT_IMAP
  }
}
END
  dovecot -F &
}
