#!/usr/bin/env python3
"""Packs a binary that is already built, and the Python package beside this file, into a wheel.

    python packages/python/make-wheel.py --binary target/release/goldwire --out dist
    python packages/python/make-wheel.py --binary goldwire.exe --tag win_amd64 --out dist

maturin would compile the command once more, with other features than the workspace has. A wheel is a zip file with a list of its
files, so one binary can be built, tested, and packed for pip, npm and as an archive. The metadata comes from pyproject.toml.

Without --tag, the binary must be one for Linux. The newest glibc symbol in it then decides which manylinux the wheel claims.
Needs Python 3.11 and nothing else.
"""

import argparse
import base64
import hashlib
import re
import sys
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The time of every file, so that the same binary gives the same wheel.
EPOCH = (2020, 1, 1, 0, 0, 0)
MACHINES = {62: "x86_64", 183: "aarch64"}


def linux_tag(binary: bytes) -> str:
    """manylinux_2_XX, where XX is the newest glibc of which the binary needs a symbol."""
    if binary[:4] != b"\x7fELF":
        sys.exit("error: this is no binary for Linux; give its platform with --tag, e.g. macosx_11_0_arm64 or win_amd64")
    machine = MACHINES.get(int.from_bytes(binary[18:20], "little"))
    if machine is None:
        sys.exit("error: this is a binary for an unknown processor; give its platform with --tag")
    minors = [int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)", binary)]
    if not minors:
        sys.exit("error: this binary needs no glibc; give its platform with --tag, e.g. musllinux_1_1_x86_64")
    # The rules of manylinux begin at 2.5, and Rust itself needs 2.17.
    return f"manylinux_2_{max(17, *minors)}_{machine}"


def metadata(project: dict, version: str) -> str:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Keywords: {','.join(project['keywords'])}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {path.name}" for path in licences()),
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        f"Requires-Python: {project['requires-python']}",
        "Description-Content-Type: text/markdown",
    ]
    for extra, needs in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {need} ; extra == "{extra}"' for need in needs]
    return "\n".join(lines) + "\n\n" + (HERE / project["readme"]).read_text(encoding="utf-8")


def licences() -> list[Path]:
    return sorted(ROOT.glob("LICENSE-*"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=Path, help="the built command")
    parser.add_argument("--tag", help="the platform tag; without it, found from a binary for Linux")
    parser.add_argument("--out", required=True, type=Path, help="the folder for the wheel")
    args = parser.parse_args()

    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
    binary = args.binary.read_bytes()
    tag = args.tag or linux_tag(binary)
    name, info = project["name"], f"{project['name']}-{version}.dist-info"

    files: dict[str, bytes] = {}
    for path in sorted((HERE / name).rglob("*")):
        if path.suffix in (".py", ".typed"):
            files[path.relative_to(HERE).as_posix()] = path.read_bytes()
    program = f"{name}-{version}.data/scripts/{'goldwire.exe' if tag.startswith('win') else 'goldwire'}"
    files[program] = binary
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    files[f"{info}/METADATA"] = metadata(project, version).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: goldwire make-wheel\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode()
    )
    files[f"{info}/entry_points.txt"] = points.encode()
    for path in licences():
        files[f"{info}/licenses/{path.name}"] = path.read_bytes()
    record = "".join(f"{path},{digest(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()

    args.out.mkdir(parents=True, exist_ok=True)
    wheel = args.out / f"{name}-{version}-py3-none-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # The high half is the mode of Unix: a regular file, which only the command may run.
            entry.external_attr = (0o100755 if path == program else 0o100644) << 16
            archive.writestr(entry, data)
    print(wheel)


def digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
