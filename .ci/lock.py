"""Write requirements.lock and requirements-dev.lock: exact versions with hashes, no addresses, for Python 3.11 to 3.13.

`make lock` runs this. The oldest Python decides the versions; what newer ones need besides is added with a marker, so
that one file serves all. What is there for an interpreter that this machine lacks is kept as it is. Only the public
index (or PIP_INDEX_URL) is asked: hashes of a machine's own wheels would be worthless elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")
LOCKS = {"requirements.lock": ("build",), "requirements-dev.lock": ("build", "parquet", "dev")}
OPTIONS = (
    "--generate-hashes",
    "--strip-extras",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
    "--no-emit-options",
    "--allow-unsafe",
    "--no-config",
    "--quiet",
)
ROOT = Path(__file__).resolve().parent.parent


def environment() -> dict[str, str]:
    """The caller's environment without extra places where packages could come from."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"}}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "CUSTOM_COMPILE_COMMAND": "make lock"}


def interpreter(version: str) -> str | None:
    """The path of this machine's python of that version, if it runs."""
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    works = subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
    return found if works else None


def tools(python: str, folder: Path) -> Path:
    """A virtual environment with pip-tools in it; its python."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    made = folder / "bin/python"
    subprocess.run([made, "-m", "pip", "install", "--quiet", "pip-tools"], check=True, env=environment())
    return made


def compile_lock(python: Path, extras: tuple[str, ...], constraint: Path | None, output: Path) -> None:
    """One pip-compile run; `constraint` holds versions that must be kept where they serve."""
    command = [str(python), "-m", "piptools", "compile", *OPTIONS]
    for extra in extras:
        command += ["--extra", extra]
    if constraint is not None:
        command += ["--constraint", str(constraint)]
    command += ["--output-file", str(output), "pyproject.toml"]
    subprocess.run(command, check=True, env=environment(), cwd=ROOT)


def blocks(lock: Path) -> dict[str, str]:
    """Each pinned package's lines, by name."""
    text = re.sub(r"\n    # via[^\n]*(\n    #   [^\n]*)*", "", lock.read_text())
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(?:.*\\\n)*.*$", text, re.MULTILINE)
    return {name: next(re.finditer(rf"^{re.escape(name)}==(?:.*\\\n)*.*$", text, re.MULTILINE))[0] for name in found}


def merged(base: Path, newer: dict[str, Path]) -> str:
    """The base lock, and behind it what only a newer Python needs, each with the version from which it does."""
    # Which file constrained a version is this run's own temporary file: not worth a line that changes each time.
    text = re.sub(r"\n    #   -c [^\n]*", "", base.read_text())
    known = set(blocks(base))
    for version, lock in newer.items():
        for name, block in blocks(lock).items():
            if name in known:
                continue
            known.add(name)
            first, rest = block.split(" \\\n", 1)
            text += f'{first} ; python_version >= "{version}" \\\n{rest}\n'
    return text


def kept(before: str, version: str, known: str) -> str:
    """What the lock says of a Python that isn't here, as it was; without what all need by now."""
    marked = re.findall(
        rf'^[a-z0-9._-]+==[^\n]* ; python_version >= "{re.escape(version)}" \\\n(?:.*\\\n)*.*\n', before, re.M
    )
    return "".join(block for block in marked if f"\n{block.split('==')[0]}==" not in known)


def main() -> int:
    pythons = {version: path for version in VERSIONS if (path := interpreter(version))}
    if VERSIONS[0] not in pythons:
        print(f"make lock needs Python {VERSIONS[0]}, the oldest that is supported", file=sys.stderr)
        return 1
    for version in sorted(set(VERSIONS) - set(pythons)):
        print(f"Python {version} is not here: what only it needs is kept as it is", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        made = {version: tools(path, work / version) for version, path in pythons.items()}
        constraint: Path | None = None
        for lock, extras in LOCKS.items():
            outputs = {version: work / f"{version}-{lock}" for version in made}
            for version, output in outputs.items():
                compile_lock(made[version], extras, constraint, output)
                constraint = constraint or output
            base = outputs.pop(VERSIONS[0])
            constraint = base
            before = (ROOT / lock).read_text() if (ROOT / lock).exists() else ""
            text = merged(base, outputs)
            text += "".join(kept(before, version, text) for version in VERSIONS if version not in pythons)
            (ROOT / lock).write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
