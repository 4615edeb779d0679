#!/usr/bin/env bash
# Jupyter Server with Python kernels that nobody here wrote, unmodified: every session has a kernel of its own.
#
#   tests/servers/jupyter.sh install     packages from PyPI into a virtual environment, and a random token
#   tests/servers/jupyter.sh serve PORT [OPTION…]
#                                        starts it on 127.0.0.1; options are Jupyter's own, e.g.
#                                        --IdentityProvider.token=, or, with `kernel:` before it, IPython's, e.g.
#                                        kernel:InteractiveShell.ast_node_interactivity=none
#
# Everything is under target/servers/jupyter. Needs python3 with venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/target/servers/jupyter
wanted=$PWD/tests/servers/jupyter/requirements.txt

install() {
  cmp --silent "$wanted" "$home/requirements.txt" && return
  rm -rf "$home" && mkdir -p "$home"
  python3 -m venv "$home/venv" >"$home/pip.log" 2>&1
  "$home/venv/bin/pip" install --disable-pip-version-check --no-deps --requirement "$wanted" >>"$home/pip.log" 2>&1
  (umask 077; od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$home/token")
  cp "$wanted" "$home/requirements.txt"
}

serve() { # PORT OPTION…
  local state=$home/run-$1 port=$1 options=() option
  rm -rf "$state" && mkdir -p "$state/work" "$state/ipython/profile_default"
  shift
  for option in "$@"; do
    case $option in
      kernel:*) option=${option#kernel:}; echo "c.${option%%=*} = '${option#*=}'" >>"$state/ipython/profile_default/ipython_kernel_config.py" ;;
      *) options+=("$option") ;;
    esac
  done
  # Nobody's own settings, and no file outside of here.
  export JUPYTER_NO_CONFIG=1 JUPYTER_CONFIG_DIR=$state/config JUPYTER_DATA_DIR=$state/data
  export JUPYTER_RUNTIME_DIR=$state/runtime IPYTHONDIR=$state/ipython
  JUPYTER_TOKEN=$(cat "$home/token") exec "$home/venv/bin/jupyter-server" --no-browser --allow-root \
    --ServerApp.ip=127.0.0.1 --ServerApp.port="$port" --ServerApp.port_retries=0 --ServerApp.root_dir="$state/work" \
    --ServerApp.jpserver_extensions="{}" "${options[@]}"
}

case ${1-} in
  install) install ;;
  serve) shift; serve "$@" ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
