#!/usr/bin/env bash
# The private layer a real mail server lives in. Run by private_server.py, as the first process of new mount, PID
# and UTS namespaces:
#
#   private_layer.sh install RECIPE.sh    install the recipe's packages into $LAYER, once
#   private_layer.sh serve RECIPE.sh      run the recipe's server until standard input ends
#
# A recipe sets PACKAGES (an array) and defines two functions: `prepare`, called after the installation, and
# `serve`, which writes the configuration and starts every daemon as a background job of this shell.
#
# Overlays on /etc, /usr and /var catch whatever is written there, so the machine's own packages, users, settings
# and mail are never touched. The installation lands in $LAYER and is kept; a run lays its own overlay over that in
# memory, so every run starts from a fresh installation and several can run at once. The network is the machine's
# own: the server must listen on loopback only, and must be configured to send nothing anywhere else.
#
# Environment: LAYER   directory that keeps the installation (not on an overlay file system)
#              RUN     directory of this run: tls/cert.pem, tls/key.pem, memory/ to mount on   (serve only)
#              PORT_*  the port of each service: PORT_SMTP, PORT_IMAPS, ...                    (serve only)
set -euo pipefail

HOST_NAME=mail.example.test

lay_over() { # DIRECTORY UPPER LOWER: what is written to DIRECTORY goes to UPPER, over LOWER
  mkdir -p "$2/upper" "$2/work"
  # volatile: nothing here is worth an fsync; an interrupted installation is thrown away.
  mount -t overlay overlay -o "lowerdir=$3,upperdir=$2/upper,workdir=$2/work,volatile" "$1" || {
    echo "no overlay can be kept in $2 (it takes a directory on ext4, xfs or tmpfs; XDG_CACHE_HOME chooses it)"
    exit 1
  }
}

own_run_directory() { # no socket or pid file of the machine is seen, no system log reached
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -m 1777 /run/lock
  if [ -S /dev/log ]; then mount --bind /dev/null /dev/log; fi
}

own_name() { # RESOLVER: installation scripts and servers ask for a fully qualified host name
  hostname "$HOST_NAME"
  printf '127.0.0.1 %s mail localhost\n::1 %s mail localhost\n%s\n' "$HOST_NAME" "$HOST_NAME" "$MACHINE_HOSTS" >/etc/hosts
  rm -f /etc/resolv.conf # may be a link into the machine's /run
  printf '%s\n' "$1" >/etc/resolv.conf
}

install_packages() {
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d # an installation script may start nothing
  chmod 755 /usr/sbin/policy-rc.d
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C
  local options=(-y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confnew
    -o Dpkg::Options::=--path-exclude='/usr/share/man/*' -o Dpkg::Options::=--path-exclude='/usr/share/doc/*')
  # The package lists may be missing or too old for the mirror.
  apt-get "${options[@]}" install "$@" || { apt-get -qq update && apt-get "${options[@]}" install "$@"; }
  apt-get clean
}

serve_until_input_ends() {
  # The caller holds the other end of standard input. However the caller ends, even killed, that end closes; then
  # this first process exits and the kernel kills every other process of the namespace. A caller that ends in order
  # says so with a line and then removes $RUN itself.
  exec 3<&0
  (read -r _ <&3 || { umount --lazy "$RUN/memory" && rm -r "$RUN"; }) &
  local lifeline=$! ended
  serve
  wait -n -p ended || :
  [ "$ended" = "$lifeline" ] || { echo "a daemon ended of itself"; exit 1; }
}

# Read first: under an overlay, files that a container engine mounted into /etc are out of sight.
MACHINE_HOSTS=$(cat /etc/hosts) MACHINE_RESOLVER=$(cat /etc/resolv.conf)
PACKAGES=()
# shellcheck source=/dev/null
. "$2"
case $1 in
  install)
    for name in etc usr var; do lay_over "/$name" "$LAYER/$name" "/$name"; done
    own_run_directory
    own_name "$MACHINE_RESOLVER"
    install_packages "${PACKAGES[@]}"
    prepare
    ;;
  serve)
    mount -t tmpfs -o mode=755 tmpfs "$RUN/memory"
    for name in etc usr var; do lay_over "/$name" "$RUN/memory/$name" "$LAYER/$name/upper:/$name"; done
    own_run_directory
    own_name 'nameserver 127.0.0.1' # where nobody answers: no name is looked up anywhere else
    serve_until_input_ends
    ;;
esac
