"""Puts a built `goldwire` into the wheel and names the platform that it runs on.

`GOLDWIRE_BINARY` is the path of the binary. maturin would compile it once more with other features than the workspace has,
so the wheel takes what `cargo build --release --workspace --bins` has made.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def platform_tag(binary: Path) -> str:
    """The platform of a wheel with this binary (PEP 425; PEP 600 for Linux)."""
    if not sys.platform.startswith("linux"):
        return re.sub(r"[-.]", "_", sysconfig.get_platform())
    architecture = os.uname().machine
    # The newest symbol that the binary asks of the C library says which systems can run it.
    symbols = re.findall(rb"GLIBC_(\d+)\.(\d+)", binary.read_bytes())
    if not symbols:
        return f"linux_{architecture}"
    major, minor = max((int(major), int(minor)) for major, minor in symbols)
    return f"manylinux_{major}_{minor}_{architecture}"


class BinaryHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        given = os.environ.get("GOLDWIRE_BINARY")
        if not given:
            raise RuntimeError("GOLDWIRE_BINARY must name the built `goldwire`")
        binary = Path(given).resolve(strict=True)
        name = "goldwire.exe" if sys.platform == "win32" else "goldwire"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(binary)}"
        build_data["shared_scripts"] = {str(binary): name}
