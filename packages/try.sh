#!/usr/bin/env bash
# Installs the wheel and the npm packages from local files into a clean environment, and runs a check of the example server
# that passes and one that fails, by pytest and by vitest. Needs python3 with venv, npm, and what `cargo build --release
# --workspace --bins` makes. The tests are the examples of docs/PYTHON.md and docs/TYPESCRIPT.md.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/target/packages
built=${GOLDWIRE_BUILT:-$root/target/release}
rm -rf "$work"
mkdir -p "$work/bin" "$work/dist" "$work/project/golden"

step() { printf '\n-- %s (%s s)\n' "$1" "$SECONDS"; }
fail() { echo "packages: $*" >&2; exit 1; }
# The first example in a language on a page.
example() { awk -v open="\`\`\`$2" '$0 == open { on = 1; next } on && $0 == "```" { exit } on' "$root/docs/$1"; }

step "the packages"
# Line tables are four fifths of the binary.
strip -o "$work/bin/goldwire" "$built/goldwire"
cp "$built/agent_server" "$work/bin/"
python3 -m venv "$work/venv"
PATH=$work/venv/bin:$PATH
GOLDWIRE_BINARY=$work/bin/goldwire pip wheel --quiet --no-deps --wheel-dir "$work/dist" ./packages/python
platform=$(node -p '`${process.platform}-${process.arch}`')
node packages/npm/make-platform.mjs "$work/bin/goldwire" "$platform" "$work/npm/$platform"
npm pack --silent --pack-destination "$work/dist" "$work/npm/$platform" ./packages/npm
ls -sh "$work/dist"

# A project of a user: a server, two goldens, no Rust.
cp golden/agent-run.* golden/dates.* "$work/project/golden/"
sed -e '/^build = /d' -e "s|^command = .*--bin\", \"agent_server\", \"--\"|command = [\"$work/bin/agent_server\"|" \
  goldwire.toml > "$work/project/goldwire.toml"
cd "$work/project"
example PYTHON.md python > test_agent.py
example TYPESCRIPT.md ts > agent.test.ts

# Runs a command on the clean build, then on one that loses a tool's result; the second must fail and say so.
both() {
  "$@" || fail "$*: the clean build must pass"
  local said
  if said=$(AGENT_SERVER_REGRESS=unpaired-tool "$@" 2>&1); then fail "$*: a build that loses a result must not pass"; fi
  printf '%s\n' "$said" | head -60
  grep -q 'tool_completed is missing in lane' <<< "$said" || fail "$*: the diff is missing"
}

step "pip install"
pip install --quiet "$work"/dist/goldwire-*.whl pytest==9.2.0 pytest-xdist==3.8.0 mypy==2.4.1
goldwire --version
step "pytest"
both pytest -q --goldwire --goldwire-users 2
step "pytest in two processes"
pytest -q --goldwire --goldwire-users 2 -n 2
step "a server that is not there"
if said=$(pytest -q --goldwire --goldwire-url ws://127.0.0.1:9/ws golden/agent-run.toml 2>&1); then fail "nobody listens there"; fi
grep -q 'goldwire exited with 3: the server could not be judged' <<< "$said" || fail "$said"
grep -q '1 failed' <<< "$said" || fail "$said"
step "mypy"
mypy --strict test_agent.py
mypy --strict -p goldwire

step "npm install"
printf '{ "private": true, "type": "module" }\n' > package.json
npm install --silent --no-audit --no-fund "$work"/dist/*.tgz vitest@4.1.12 typescript@5.9.3 @types/node@20.19.43
npx goldwire --version
step "vitest"
both npx vitest run --reporter=verbose
step "TypeScript"
npx tsc --noEmit --strict --skipLibCheck --module nodenext --target es2022 agent.test.ts
step "CommonJS"
node -e "require('goldwire').check('dates', { users: 2 }).then((report) => console.log(report.text))"
step "done"
