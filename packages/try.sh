#!/usr/bin/env bash
# Packs the built command for pip and npm, installs both from the local files into empty folders, and runs every snippet of
# docs/PYTHON.md and docs/TYPESCRIPT.md there: a check that passes, and one of a server with a fault. Needs Python 3.11 with venv,
# and Node with npm; the tools that it installs have fixed versions.
#
#   packages/try.sh            both
#   packages/try.sh python     one of them: python, npm or source (the wheel that maturin compiles, which takes minutes)
#
# GOLDWIRE_BINARY_DIR is the folder of the built goldwire and agent_server. Without it, they are in target/release, and are built
# there if they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/target/packages

# Nothing of the surroundings may decide what is shown; a planted fault must not become an annotation of a workflow.
unset GOLDWIRE_BINARY GOLDWIRE_UPDATE GITHUB_ACTIONS GITHUB_STEP_SUMMARY AGENT_SERVER_REGRESS PYTHONPATH NODE_PATH VIRTUAL_ENV
export NO_COLOR=1 COLUMNS=80 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=$root/packages/constraints.txt
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

fail() {
  printf '\npackages/try.sh: %s\n' "$*" >&2
  exit 1
}

# Runs a command, prints what it says, keeps it in $work/said/NAME, and requires its exit code.
took=0
step() { # NAME CODE COMMAND…
  local name=$1 expected=$2 code=0 start=$EPOCHREALTIME
  shift 2
  printf '\n== %s\n' "$name"
  mkdir -p "$work/said"
  "$@" >"$work/said/$name" 2>&1 </dev/null || code=$?
  cat "$work/said/$name"
  local seconds
  seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  took=$(awk -v a="$took" -v b="$seconds" 'BEGIN { printf "%.1f", a + b }')
  printf -- '-- %s: exit %s, %s s\n' "$name" "$code" "$seconds"
  ((code == expected)) || fail "$name exited with $code, not with $expected"
}

says() { # NAME TEXT…
  local name=$1 text
  shift
  for text; do
    grep --quiet --fixed-strings -e "$text" "$work/said/$name" || fail "$name does not say: $text"
  done
}

says_not() { # NAME TEXT
  if grep --quiet --fixed-strings -e "$2" "$work/said/$1"; then fail "$1 says: $2"; fi
}

# Requires that goldwire started no server while another one ran: of two lines that begin alike, none follows the other.
in_turn() { # LOG STARTS
  local lines
  lines=$(grep --only-matching --extended-regexp '^listening|stopping$' "$1")
  [[ $(grep --count listening <<<"$lines") == "$2" ]] || fail "$1 does not have $2 starts of a server"
  [[ -z $(uniq --repeated <<<"$lines") ]] || fail "$1 has two servers at the same time"
}

snippets() { python3 "$root/packages/snippets.py" "$@"; }

# What a deviation of this fault says, whoever prints it.
diff_words=("chat  DEVIATES" "order: tool_completed is missing in lane" "expected tool_completed" "- tool_completed ")

binaries() {
  local folder=${GOLDWIRE_BINARY_DIR:-}
  if [[ -z $folder ]]; then
    folder=$root/target/release
    if [[ ! -x $folder/goldwire || ! -x $folder/agent_server ]]; then
      # With the features of the whole workspace, as everything else is built; alone it would be compiled once more.
      cargo build --release --workspace --bin goldwire --bin agent_server
    fi
  fi
  rm -rf "$work"
  mkdir -p "$work"
  server=$(realpath "$folder")/agent_server
  # The lines for crash reports are two thirds of the binary.
  if ! strip --strip-debug -o "$work/goldwire" "$folder/goldwire"; then cp "$folder/goldwire" "$work/goldwire"; fi
}

# A project of a user, whose build is the example server.
project() { # FOLDER
  mkdir -p "$1/golden"
  cp golden/agent-run.toml "$1/golden/chat.toml"
  cp golden/agent-run.seen "$1/golden/chat.seen"
  cp golden/agent-stream.{toml,seen} "$1/golden"
  cp golden/agent-run.toml "$1/golden/not-accepted.toml.new"
  cat >"$1/goldwire.toml" <<TOML
goldwire = 1
default_target = "local"

[check]
users = 3

[target.local]
url = "ws://127.0.0.1:{{port}}/ws"
http = "http://127.0.0.1:{{port}}"
auth = "user"

[target.local.server]
command = ["$server", "--listen", "127.0.0.1:{{port}}"]
ready = "http://127.0.0.1:{{port}}/health"

$(sed -n '/^\[auth\.user\]/,/^# Asked by probes/p' goldwire.toml)
TOML
  ln -s "$work/dist" "$1/dist"
}

platform() {
  case $(uname -sm) in
    "Linux x86_64") echo linux-x64 ;;
    "Linux aarch64") echo linux-arm64 ;;
    *) fail "only Linux is tried here, not $(uname -sm)" ;;
  esac
}

python() {
  local folder=$work/python page=$root/docs/PYTHON.md
  project "$folder"
  snippets write "$page" "$folder"
  sed -i "s|target/release/goldwire --out dist|$work/goldwire --out $work/dist|" "$folder/steps/make.sh"
  step make-wheel 0 bash "$folder/steps/make.sh"
  cd "$folder"
  export SERVER=$server

  took=0
  step venv 0 python3 -m venv "$work/venv"
  PATH=$work/venv/bin:$PATH
  step install 0 bash steps/install.sh
  [[ $(command -v goldwire) == "$work/venv/bin/goldwire" ]] || fail "the wheel has no command"
  step pytest 0 bash steps/goldens.sh
  snippets shows "$page" goldens "$work/said/pytest"
  # The two goldens, and the two functions of the page.
  says pytest "4 passed"
  step pytest-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool bash steps/goldens.sh
  snippets shows "$page" goldens-broken "$work/said/pytest-broken"
  says pytest-broken "${diff_words[@]}" "4 failed"
  says_not pytest-broken Traceback
  printf '\n== from an empty folder to a passing and a failing check with pytest: %s s\n' "$took"

  rm target/goldwire/server.log
  step pytest-parallel 0 bash steps/parallel.sh
  says pytest-parallel "4 passed"
  in_turn target/goldwire/server.log 2
  step pytest-parallel-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool bash steps/parallel.sh
  says pytest-parallel-broken "${diff_words[@]}" "4 failed"
  step pytest-no-server 1 pytest --goldwire --goldwire-url ws://127.0.0.1:1/ws golden
  says pytest-no-server "COULD NOT JUDGE" "connection refused"
  step pytest-other-paths 0 pytest --goldwire tests
  says pytest-other-paths "no golden was checked"
  mkdir -p "$work/proposal/golden"
  cp golden/not-accepted.toml.new "$work/proposal/golden"
  step pytest-only-proposals 4 pytest --goldwire --rootdir "$work/proposal" --goldwire-directory "$work/proposal"
  says pytest-only-proposals "only proposals that nobody accepted: not-accepted.toml.new"
  step function 0 python3 check_chat.py
  says function "conforms: "
  step function-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool python3 check_chat.py
  says function-broken "missing tool_completed: expected tool_completed, got nothing"
  step no-command 1 env GOLDWIRE_BINARY=/nowhere python3 check_chat.py
  says no-command "goldwire.NotInstalled: GOLDWIRE_BINARY is '/nowhere', which is no program"

  step install-tools 0 pip install mypy auditwheel
  step mypy 0 bash steps/types.sh
  step mypy-package 0 mypy --strict "$root/packages/python/goldwire"
  step mypy-package-windows 0 mypy --strict --platform win32 "$root/packages/python/goldwire"
  # It exits with 0 for every wheel; the line says whether the name of the wheel is true.
  step auditwheel 0 auditwheel show dist/goldwire-*.whl
  local tag
  tag=$(basename dist/goldwire-*.whl .whl)
  says auditwheel "\"${tag##*-}\"."
  cd "$root"
}

npm_packages() {
  local folder=$work/npm page=$root/docs/TYPESCRIPT.md
  project "$folder"
  snippets write "$page" "$folder"
  # The page names the release build of Linux on x86-64.
  sed -i "s|target/release/goldwire --platform linux-x64 --out dist|$work/goldwire --platform $(platform) --out $work/dist|
    s|--main --out dist|--main --out $work/dist|" "$folder/steps/make.sh"
  step make-packages 0 bash "$folder/steps/make.sh"
  cd "$folder"
  export SERVER=$server

  took=0
  step npm-tools 0 npm install --save-dev vitest@3.2.4 jest@30.5.2 typescript@5.9.3 @types/node@20.19.0
  # Offline, because the packages of other platforms are in no registry: npm leaves optional packages out that it cannot find.
  step npm-install 0 env npm_config_offline=true bash steps/install.sh
  step vitest 0 bash steps/vitest.sh
  step vitest-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool bash steps/vitest.sh
  snippets shows "$page" vitest-broken "$work/said/vitest-broken"
  says vitest-broken "${diff_words[@]}" "2 failed"
  printf '\n== from an empty folder to a passing and a failing check with vitest: %s s\n' "$took"

  mkdir turns
  for file in 1 2 3; do
    cat >"turns/$file.test.ts" <<'TS'
import { test } from 'vitest';
import { check } from 'goldwire';

test('in turn', ({ signal }) => check('chat', { users: 1, signal }), 60_000);
TS
  done
  rm target/goldwire/server.log
  step vitest-parallel 0 npx vitest run --maxWorkers 3 --minWorkers 3 turns
  in_turn target/goldwire/server.log 3

  step jest 0 bash steps/jest.sh
  step jest-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool bash steps/jest.sh
  says jest-broken "${diff_words[@]}"
  step node-test 0 bash steps/node.sh
  step node-test-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool bash steps/node.sh
  says node-test-broken "order: tool_completed is missing in lane"

  step launcher-broken 1 env AGENT_SERVER_REGRESS=unpaired-tool npx goldwire check chat
  says launcher-broken "${diff_words[@]}"
  step launcher-nothing 4 npx goldwire check no-such-session
  step launcher-no-command 2 env GOLDWIRE_BINARY=/nowhere npx goldwire check chat
  says launcher-no-command 'GOLDWIRE_BINARY is "/nowhere", which does not exist'
  # goldwire stops its server, and exits as after Ctrl-C.
  step launcher-signal 130 timeout --signal TERM --foreground --preserve-status 8 \
    node node_modules/goldwire/bin/goldwire.js check chat --runs 1000
  says launcher-signal "stopping; the recordings are kept"
  cd "$root"
}

source_wheel() {
  step venv-maturin 0 python3 -m venv "$work/maturin"
  step install-maturin 0 "$work/maturin/bin/pip" install maturin
  step maturin 0 "$work/maturin/bin/maturin" build --release --manifest-path Cargo.toml \
    --out "$work/source" --target-dir "$root/target"
}

(($#)) || set -- python npm
for job; do
  case $job in
    python | npm | source) ;;
    *) fail "there is python, npm and source, and not $job" ;;
  esac
done
binaries
for job; do
  case $job in
    python) python ;;
    npm) npm_packages ;;
    source) source_wheel ;;
  esac
done
printf '\npackages/try.sh: all of it\n'
