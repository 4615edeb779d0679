#!/usr/bin/env bash
# The everything server of the Model Context Protocol, unmodified: JSON-RPC 2.0 over HTTP, answered by event streams.
#
#   tests/servers/mcp.sh install               packages from npm: two releases
#   tests/servers/mcp.sh serve PORT RELEASE    starts one of them on 127.0.0.1
#
# Everything is under target/servers/mcp. Needs npm and Node 20.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/mcp
releases=(2025.11.25 2026.8.31)
mkdir -p "$home"

install() {
  for release in "${releases[@]}"; do
    [[ -e $home/$release/made ]] && continue
    mkdir -p "$home/$release"
    npm install --prefix "$home/$release" --no-audit --no-fund --ignore-scripts --save-exact \
      "@modelcontextprotocol/server-everything@$release" >"$home/$release/npm.log" 2>&1
    touch "$home/$release/made"
  done
  # It listens on every address: whoever asks for a port alone gets loopback's.
  cat >"$home/loopback.cjs" <<'JS'
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const only = /^\d+$/.test(String(port)) ? { port: Number(port), host: "127.0.0.1" } : port;
  return listen.call(this, only, ...rest);
};
JS
}

case ${1-} in
  install) install ;;
  serve)
    PORT=$2 exec node --require "$home/loopback.cjs" \
      "$home/$3/node_modules/@modelcontextprotocol/server-everything/dist/index.js" streamableHttp
    ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
