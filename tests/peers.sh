#!/usr/bin/env bash
# Peers: servers and clients of protocols that others brought, in pinned versions, to record and to check against.
# Their programs are in tests/peers; what they build on comes from PyPI, npm and Debian.
#
#   tests/peers.sh install [NAME…]      packages, unpacked under target/peers; nothing is installed
#   tests/peers.sh NAME PORT            the server, on 127.0.0.1
#   tests/peers.sh NAME-client URL      the client, for one session
#
# With PEER_CHANGED=1 a server is a build that was changed in one place, as tests/live_peers.rs wants it found.
#
# NAME is one of
#   ocpp         a central system and a charge point, OCPP 1.6: ocpp
#   wamp         a router and a client that calls itself: crossbar, autobahn; wamp-msgpack-client speaks MessagePack
#   yjs          a server of documents, and two clients who write in one: @y/websocket-server, y-websocket, yjs; at
#                yjs-alone-client there is one
#   colyseus     a game of cards and a player: @colyseus/core, @colyseus/sdk
#   phoenix      rooms as Phoenix's channels are, and a guest: ws; phoenix
#   pusher       channels that speak Pusher's protocol, and a guest: ws; pusher-js; pusher-open takes any signature
#   actioncable  rooms on Rails' ActionCable and a guest: Debian's ruby-actioncable, puma; @rails/actioncable
#   signalr      a hub of SignalR and a client: ws, @msgpack/msgpack; @microsoft/signalr; signalr-msgpack-client speaks
#                it, signalr-in-turn-client waits for each answer before it asks again
#   xmpp         Prosody with its websocket, and a client: Debian's prosody; @xmpp/client
#   models       answers that stream as those of OpenAI and Anthropic do, over HTTP; openai-client,
#                responses-client and anthropic-client ask
#
# Needs python3 with venv, node with npm, and apt-get and dpkg.
set -euo pipefail
cd "$(dirname "$0")/.."
home=$PWD/target/peers
programs=$PWD/tests/peers
mkdir -p "$home"

# A folder for packages of their own, made once for each choice of them.
made() {
  local mark
  mark=$home/$1/made-with-$(printf '%s ' "${@:2}" | sha256sum | cut -c1-16)
  [[ ! -e $mark ]] || return 0
  rm -rf "${home:?}/$1" && mkdir -p "$home/$1"
  "${@:2}"
  touch "$mark"
}

pip() {
  python3 -m venv "$home/$1"
  "$home/$1/bin/pip" install --quiet "${@:2}"
}

npm_into() {
  (cd "$home/$1" && npm install --silent --no-audit --no-fund --prefix . "${@:2}")
}

# Packages of Debian, of whichever revision it has: it keeps none that it has mended.
debs() {
  mkdir -p "$home/$1/debs"
  (cd "$home/$1/debs" && apt-get download --quiet "${@:2}")
  for deb in "$home/$1"/debs/*.deb; do dpkg -x "$deb" "$home/$1/root"; done
  rm -r "$home/$1/debs"
}

rails() {
  debs actioncable ruby3.1 libruby3.1 ruby-rubygems ruby-actioncable ruby-actionpack ruby-actionview ruby-activesupport \
    ruby-builder ruby-concurrent ruby-crass ruby-erubi ruby-i18n ruby-loofah ruby-nio4r ruby-nokogiri puma racc ruby-rack \
    ruby-rack-test ruby-rails-deprecated-sanitizer ruby-rails-dom-testing ruby-rails-html-sanitizer ruby-tzinfo \
    ruby-websocket-driver ruby-websocket-extensions ruby-zeitwerk
  npm_into actioncable "$@"
}

# Ruby as Debian has it, where it was unpacked.
ruby() {
  local root=$home/actioncable/root/usr
  local libraries
  libraries=$root/lib/$(uname -m)-linux-gnu
  local gems=("$root"/share/rubygems-integration/*/gems/*/lib{,/concurrent-ruby}
    "$libraries"/rubygems-integration/*/{gems/*/lib,extensions/*/*/*} "$root"/lib/ruby/{3.1.0,vendor_ruby}
    "$libraries"/ruby/{,vendor_ruby/}3.1.0)
  RUBYLIB=$(IFS=:; echo "${gems[*]}") LD_LIBRARY_PATH=$libraries exec "$root/bin/ruby3.1" "$@"
}

# What signs and what logs in is made up here.
secret() {
  [[ -s $home/secret ]] || (umask 077; od -An -N18 -tx1 /dev/urandom | tr -d ' \n' >"$home/secret")
}

prosody() {
  local root=$home/xmpp/root/usr folder=$home/xmpp/$1
  local libraries without='"s2s"'
  libraries=$root/lib/$(uname -m)-linux-gnu
  # A build that was changed does not say what it can do.
  [[ -z ${PEER_CHANGED-} ]] || without+=', "disco"'
  mkdir -p "$folder"/{certs,localhost/accounts}
  printf 'return { password = "%s" };\n' "$(cat "$home/secret")" >"$folder/localhost/accounts/ada.dat"
  cat >"$folder/prosody.cfg.lua" <<CONF
run_as_root = true
data_path = "$folder"
pidfile = "$folder/prosody.pid"
plugin_paths = { "$root/lib/prosody/modules" }
log = { { levels = { min = "warn" }, to = "console" } }
modules_enabled = { "roster", "saslauth", "disco", "ping", "websocket" }
modules_disabled = { $without }
authentication = "internal_plain"
disable_sasl_mechanisms = { "SCRAM-SHA-1", "SCRAM-SHA-256", "DIGEST-MD5", "OAUTHBEARER" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
c2s_ports = {}
https_ports = {}
http_ports = { $1 }
http_interfaces = { "127.0.0.1" }
http_default_host = "localhost"
VirtualHost "localhost"
CONF
  sed "s|'/usr/lib/prosody|'$root/lib/prosody|" "$root/bin/prosody" >"$folder/prosody"
  LD_LIBRARY_PATH=$libraries LUA_PATH="$root/share/lua/5.4/?.lua;;" LUA_CPATH="$libraries/lua/5.4/?.so;;" \
    exec "$root/bin/lua5.4" "$folder/prosody" -F --config "$folder/prosody.cfg.lua"
}

messenger() {
  debs xmpp prosody lua5.4 liblua5.4-0 lua-expat lua-filesystem lua-sec lua-socket lua-unbound libunbound8
  npm_into xmpp "$@"
  secret
}

python() { exec "$home/$1/bin/python" "$programs/$2" "${@:3}"; }

node() { NODE_PATH=$home/$1/node_modules exec "$(type -P node)" "$programs/$2" "${@:3}"; }

install() {
  case $1 in
    ocpp) made ocpp pip ocpp ocpp==2.1.0 websockets==17.4 ;;
    wamp) made wamp pip wamp crossbar==26.10.1 autobahn==26.10.2 ;;
    yjs) made yjs npm_into yjs ws@8.23.0 yjs@13.6.33 y-websocket@3.1.0 @y/websocket-server@0.1.1 ;;
    colyseus)
      made colyseus npm_into colyseus @colyseus/core@0.18.17 @colyseus/ws-transport@0.18.4 @colyseus/schema@5.0.34 \
        @colyseus/sdk@0.18.4
      ;;
    phoenix) made phoenix npm_into phoenix ws@8.23.0 phoenix@1.8.16 ;;
    pusher)
      made pusher npm_into pusher ws@8.23.0 pusher-js@8.6.0
      secret
      ;;
    actioncable) made actioncable rails ws@8.23.0 @rails/actioncable@8.1.400 ;;
    signalr)
      made signalr npm_into signalr ws@8.23.0 @msgpack/msgpack@3.1.3 @microsoft/signalr@10.0.11 \
        @microsoft/signalr-protocol-msgpack@10.0.11
      ;;
    xmpp) made xmpp messenger @xmpp/client@0.14.0 ws@8.23.0 ;;
    models) made models pip models openai==3.57.0 anthropic==2.14.0 ;;
    *) echo "no peer is called $1" >&2; return 2 ;;
  esac
}

all="ocpp wamp yjs colyseus phoenix pusher actioncable signalr xmpp models"
case ${1-} in
  install)
    shift
    for name in ${*:-$all}; do
      # In a process of its own, which ends at the first thing that fails.
      "$programs.sh" install-one "$name" >"$home/install-$name.log" 2>&1 || { cat "$home/install-$name.log" >&2; exit 1; }
    done
    ;;
  install-one) install "$2" ;;
  ocpp) python ocpp ocpp-server.py "$2" ;;
  ocpp-client) python ocpp "$1.py" "$2" ;;
  wamp)
    mkdir -p "$home/wamp/$2"
    sed "s/\"\$PORT\"/$2/${PEER_CHANGED:+; s/\"publish\": true/\"publish\": false/}" "$programs/wamp.json" \
      >"$home/wamp/$2/config.json"
    exec "$home/wamp/bin/crossbar" start --cbdir "$home/wamp/$2"
    ;;
  wamp-client) python wamp wamp-client.py "$2" json ;;
  wamp-msgpack-client) python wamp wamp-client.py "$2" msgpack ;;
  yjs)
    server=$home/yjs/node_modules/@y/websocket-server/src
    if [[ -n ${PEER_CHANGED-} ]]; then
      # It tells nobody who is there.
      rm -rf "$server-changed" && cp -r "$server" "$server-changed"
      sed -i "/this.awareness.on('update'/d" "$server-changed/utils.js"
      server+=-changed
    fi
    HOST=127.0.0.1 PORT=$2 exec "$(type -P node)" "$server/server.js"
    ;;
  yjs-client) node yjs yjs-client.cjs "$2" ;;
  yjs-alone-client) node yjs yjs-client.cjs "$2" alone ;;
  colyseus) node colyseus colyseus-server.cjs "$2" ;;
  colyseus-client) node colyseus colyseus-client.cjs "$2" ;;
  phoenix) node phoenix phoenix-server.cjs "$2" ;;
  phoenix-client) node phoenix phoenix-client.cjs "$2" ;;
  pusher) SECRET=$(cat "$home/secret") node pusher pusher-server.cjs "$2" ;;
  pusher-open) SECRET= node pusher pusher-server.cjs "$2" ;;
  pusher-client) SECRET=$(cat "$home/secret") node pusher pusher-client.cjs "$2" ;;
  actioncable) ruby "$programs/actioncable-server.rb" "$2" ;;
  actioncable-client) node actioncable actioncable-client.cjs "$2" ;;
  signalr) node signalr signalr-server.cjs "$2" ;;
  signalr-client) node signalr signalr-client.cjs "$2" json ;;
  signalr-in-turn-client) node signalr signalr-client.cjs "$2" json in-turn ;;
  signalr-msgpack-client) node signalr signalr-client.cjs "$2" msgpack ;;
  xmpp) prosody "$2" ;;
  xmpp-client) PASSWORD=$(cat "$home/secret") node xmpp xmpp-client.cjs "$2" ;;
  models) python models models-server.py "$2" ;;
  openai-client | responses-client | anthropic-client) python models "$1.py" "$2" ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
