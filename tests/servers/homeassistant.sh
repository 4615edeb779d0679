#!/usr/bin/env bash
# Home Assistant that nobody here wrote, unmodified: JWT logins in three requests, and a socket that refuses by message.
#
#   tests/servers/homeassistant.sh install       packages from PyPI into a virtual environment, and one person, Ada, with a
#                                                random password
#   tests/servers/homeassistant.sh serve PORT    starts it on 127.0.0.1, each time with the state that `install` left
#
# Everything is under target/servers/homeassistant. Needs python3 with venv, and curl.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/homeassistant
wanted=$PWD/tests/servers/homeassistant/requirements.txt

start() { # PORT STATE
  # Only what sockets and logins need: no discovery, nothing that asks the network.
  cat >"$2/configuration.yaml" <<YAML
http:
  server_host: 127.0.0.1
  server_port: $1
api:
websocket_api:
YAML
  exec "$home/venv/bin/hass" --config "$2" --skip-pip --log-file "$2/home-assistant.log"
}

install() {
  cmp --silent "$wanted" "$home/requirements.txt" && return
  rm -rf "$home" && mkdir -p "$home/state"
  python3 -m venv "$home/venv" >"$home/pip.log" 2>&1
  "$home/venv/bin/pip" install --disable-pip-version-check --no-deps --requirement "$wanted" >>"$home/pip.log" 2>&1
  (umask 077; od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$home/password")
  local port pid
  port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
  (start "$port" "$home/state") >"$home/install.log" 2>&1 &
  pid=$!
  trap 'kill "$pid" 2>/dev/null || true' EXIT
  curl --silent --fail --show-error --retry 120 --retry-delay 1 --retry-all-errors \
    --header 'Content-Type: application/json' \
    --data "{\"client_id\":\"http://127.0.0.1:$port/\",\"name\":\"Ada\",\"username\":\"ada\",\"language\":\"en\",\"password\":\"$(cat "$home/password")\"}" \
    "http://127.0.0.1:$port/api/onboarding/users" >>"$home/install.log"
  # What it knows of people is written when it ends.
  kill "$pid" && { wait "$pid" || true; }
  trap - EXIT
  cp "$wanted" "$home/requirements.txt"
}

serve() { # PORT
  local state=$home/run-$1
  rm -rf "$state" && cp -r "$home/state" "$state"
  start "$1" "$state"
}

case ${1-} in
  install) install ;;
  serve) shift; serve "$@" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
