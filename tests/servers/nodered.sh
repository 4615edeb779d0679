#!/usr/bin/env bash
# Node-RED, an editor and runtime for flows that nobody here wrote, unmodified: opaque tokens, and a socket that refuses by
# message.
#
#   tests/servers/nodered.sh install       packages from npm, a flow that ticks, and an administrator with a random password
#   tests/servers/nodered.sh serve PORT    starts it on 127.0.0.1
#   tests/servers/nodered.sh serve PORT open
#                                          likewise, but whoever comes may look
#
# Everything is under target/servers/nodered. Needs npm (and Node.js 18 or later).
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/nodered
server=4.1.15

install() {
  local made=$home/made-with-$server
  [[ -e $made ]] && return
  mkdir -p "$home"
  npm install --prefix "$home" --no-audit --no-fund --ignore-scripts --save-exact "node-red@$server" >"$home/npm.log" 2>&1
  (umask 077; od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$home/admin-password")
  touch "$made"
}

serve() { # PORT [open]
  local state=$home/run-$1
  rm -rf "$state" && mkdir -p "$state"
  cat >"$state/flows.json" <<'JSON'
[{ "id": "n0", "type": "tab", "label": "Tick" },
 { "id": "n1", "type": "inject", "z": "n0", "repeat": "0.2", "topic": "tick",
   "props": [{ "p": "payload" }, { "p": "topic", "vt": "str" }], "payload": "tick", "payloadType": "str", "wires": [["n2"]] },
 { "id": "n2", "type": "debug", "z": "n0", "active": true, "tosidebar": true, "complete": "payload", "wires": [] }]
JSON
  # Nothing is fetched, nobody is told that we are here, and a password is kept as Node-RED keeps it.
  PASSWORD=$(cat "$home/admin-password") node -e '
const { hashSync } = require(process.argv[1] + "/node_modules/bcryptjs");
const settings = {
  uiHost: "127.0.0.1", flowFile: "flows.json", credentialSecret: false,
  adminAuth: {
    type: "credentials",
    users: [{ username: "admin", password: hashSync(process.env.PASSWORD, 4), permissions: "*" }],
    ...(process.argv[2] === "open" && { default: { permissions: "read" } }),
  },
  telemetry: { enabled: false, updateNotification: false }, diagnostics: { enabled: false },
  editorTheme: { projects: { enabled: false }, tours: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false } },
};
console.log("module.exports = " + JSON.stringify(settings));' "$home" "${2-}" >"$state/settings.js"
  exec node "$home/node_modules/node-red/red.js" --userDir "$state" --port "$1"
}

case ${1-} in
  install) install ;;
  serve) shift; serve "$@" ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
