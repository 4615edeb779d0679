#!/usr/bin/env bash
# Servers that speak other dialects than plain JSON: mosquitto (MQTT over WebSocket), from Debian; a chat on python-socketio
# (Socket.IO), from PyPI, which is tests/dialects/chat.py; and questions on graphql-ws (GraphQL), from npm, which is
# tests/dialects/questions.cjs.
#
#   tests/dialects.sh install          packages, unpacked under target/dialects; nothing is installed
#   tests/dialects.sh mosquitto PORT   starts it on 127.0.0.1; its one user is ada, the password is what install made up
#   tests/dialects.sh chat PORT        likewise; the password is its token
#   tests/dialects.sh questions PORT   likewise
#
# Needs python3 with venv, node with npm, and apt-get and dpkg unless mosquitto is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
home=$PWD/target/dialects
socketio=5.16.2 aiohttp=3.14.5 graphql_ws=6.4.2 graphql=16.15.0 ws=8.23.0
libraries=$home/root/usr/lib/$(uname -m)-linux-gnu:$home/root/lib/$(uname -m)-linux-gnu
mkdir -p "$home"

install() {
  local made=$home/made-with-$socketio-$aiohttp-$graphql_ws-$graphql-$ws
  [[ -e $made ]] && return
  python3 -m venv "$home/venv"
  "$home/venv/bin/pip" install --quiet "python-socketio==$socketio" "aiohttp==$aiohttp"
  mkdir -p "$home/node"
  (cd "$home/node" && npm install --silent --no-audit --no-fund --prefix . \
    "graphql-ws@$graphql_ws" "graphql@$graphql" "ws@$ws")
  if ! command -v mosquitto >/dev/null; then
    rm -rf "$home/debs" && mkdir -p "$home/debs"
    # Of whichever revision Debian has: it keeps none that it has mended.
    (cd "$home/debs" && apt-get download --quiet mosquitto libmosquitto1 \
      libwebsockets17 libev4 libdlt2 libcjson1 libuv1 libcap2 libwrap0)
    for deb in "$home"/debs/*.deb; do dpkg -x "$deb" "$home/root"; done
  fi
  (umask 077; od -An -N18 -tx1 /dev/urandom | tr -d ' \n' >"$home/password")
  (run mosquitto_passwd -b -c "$home/users" ada "$(cat "$home/password")")
  touch "$made"
}

run() {
  local program=$1
  shift
  if command -v "$program" >/dev/null; then "$program" "$@"; return; fi
  for folder in sbin bin; do
    [[ -x $home/root/usr/$folder/$program ]] || continue
    LD_LIBRARY_PATH=$libraries exec "$home/root/usr/$folder/$program" "$@"
  done
}

case ${1-} in
  install) (install) >"$home/install.log" 2>&1 || { cat "$home/install.log" >&2; exit 1; } ;;
  mosquitto)
    # A listener for WebSocket alone is not enough for it; the other one is a socket in a folder.
    cat >"$home/$2.conf" <<CONF
user $(id -un)
allow_anonymous false
password_file $home/users
listener 0 $home/$2.sock
listener $2 127.0.0.1
protocol websockets
CONF
    run mosquitto -c "$home/$2.conf"
    ;;
  chat) TOKEN=$(cat "$home/password") exec "$home/venv/bin/python" tests/dialects/chat.py "$2" ;;
  questions)
    TOKEN=$(cat "$home/password") NODE_PATH=$home/node/node_modules exec node tests/dialects/questions.cjs "$2"
    ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
