#!/usr/bin/env bash
# The everything server of the Model Context Protocol, unmodified: JSON-RPC 2.0 over HTTP, answered by event streams.
#
#   tests/servers/mcp.sh install       packages from npm
#   tests/servers/mcp.sh serve PORT    starts it on 127.0.0.1
#
# Everything is under target/servers/mcp. Needs npm and Node 20.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/mcp
server=2025.11.25
mkdir -p "$home"

install() {
  local made=$home/made-with-$server
  [[ -e $made ]] && return
  npm install --prefix "$home" --no-audit --no-fund --ignore-scripts --save-exact \
    "@modelcontextprotocol/server-everything@$server" >"$home/npm.log" 2>&1
  # It would listen on every address: whatever asks for a port alone gets loopback's.
  cat >"$home/loopback.cjs" <<'JS'
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return /^\d+$/.test(port) ? listen.call(this, { port: Number(port), host: "127.0.0.1" }, ...rest) : listen.call(this, port, ...rest);
};
JS
  touch "$made"
}

case ${1-} in
  install) install ;;
  serve)
    PORT=$2 exec node --require "$home/loopback.cjs" \
      "$home/node_modules/@modelcontextprotocol/server-everything/dist/index.js" streamableHttp
    ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
