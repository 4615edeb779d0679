#!/usr/bin/env bash
# Other programs that can keep what a WebSocket says, on the same work and the same machine as `goldwire record` and
# `goldwire proxy`, with ratios to a bare reader, or a relay of bytes, in the same run. Installs what is missing by its
# package name into a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="${PEERS:-$PWD/target/peers}"
mkdir -p "$tools"

[ -x "$tools/bin/websocat" ] || cargo install --quiet --root "$tools" --version '^1' websocat
if [ ! -x "$tools/venv/bin/python" ]; then
  python3 -m venv "$tools/venv"
  "$tools/venv/bin/pip" install --quiet websockets mitmproxy
fi
cat > "$tools/record.py" <<'PY'
import asyncio, json, sys, time
import websockets

async def main(url, out):
    with open(out, "w") as file:
        async with websockets.connect(url, compression=None) as socket:
            async for message in socket:
                file.write(json.dumps({"ts": time.time_ns(), "text": message}) + "\n")

asyncio.run(main(*sys.argv[1:]))
PY

bench() { cargo bench --quiet --bench record -- "$@"; }
bench rate
echo
# Its stdin stays open, and says nothing: it ends when the server does.
websocat="rm -f '{out}.in'; mkfifo '{out}.in'; exec 3<>'{out}.in'; exec $tools/bin/websocat -t -E -B 200000"
bench peer "websocat" "$websocat '{url}' - <&3 > '{out}'"
bench peer "websocat, timestamps" "$websocat 'timestamp:{url}' - <&3 > '{out}'"
bench peer "Python websockets" "exec $tools/venv/bin/python '$tools/record.py' '{url}' '{out}'"
bench proxy "mitmproxy" "'$tools/venv/bin/mitmdump' -q --set confdir='$tools/mitmproxy' --mode reverse:http://127.0.0.1:{to} --listen-host 127.0.0.1 -p {port} -w '{out}'"
