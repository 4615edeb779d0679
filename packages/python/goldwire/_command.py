"""The place of the command."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from ._errors import NotInstalled


def command() -> str:
    """The path of the `goldwire` command.

    The variable `GOLDWIRE_BINARY` has precedence. Without it, the command of this package is used, which pip installs beside
    the interpreter; then the one on `PATH`.

    Raises `NotInstalled` if there is none. A wrong `GOLDWIRE_BINARY` is an error, too: another build than the one that was
    asked for must not be judged in silence.
    """
    named = os.environ.get("GOLDWIRE_BINARY")
    if named:
        found = shutil.which(named)
        if found is None:
            raise NotInstalled(f"GOLDWIRE_BINARY is {named!r}, which is no program")
        return os.path.abspath(found)
    name = "goldwire.exe" if os.name == "nt" else "goldwire"
    for folder in _script_folders():
        path = folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    found = shutil.which("goldwire")
    if found is None:
        raise NotInstalled(
            "the command `goldwire` is not installed: this package has none for your platform; "
            "put it on PATH, or name it in GOLDWIRE_BINARY"
        )
    return os.path.abspath(found)


def _script_folders() -> list[Path]:
    folders = [Path(sysconfig.get_path("scripts"))]
    # `pip install --user` and `pip install --target` put scripts elsewhere.
    user = "nt_user" if os.name == "nt" else "posix_user"
    if sys.platform == "darwin" and sysconfig.get_config_var("PYTHONFRAMEWORK"):
        user = "osx_framework_user"
    if user in sysconfig.get_scheme_names():
        folders.append(Path(sysconfig.get_path("scripts", user)))
    folders.append(Path(__file__).resolve().parent.parent / "bin")
    return folders
