"""The user's own certificates, such as a company's: the files that the environment names, and their faults."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from claude_proxy.config.problem import Findings
from claude_proxy.core.egress import EXTRA_CA_VARIABLE
from claude_proxy.core.text import printable
from claude_proxy.store.files import read_up_to

FILE_VARIABLES = (EXTRA_CA_VARIABLE, "SSL_CERT_FILE")
FOLDERS_VARIABLE = "SSL_CERT_DIR"
MAX_BYTES = 16 * 1024 * 1024
"""A system's whole store has some 250 KB."""
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----")
_AS_PEM = 'Export it as PEM, a text that begins with "-----BEGIN CERTIFICATE-----".'
_CORRECT = "Correct or unset it, then restart the proxy."


def read_ca_files(environ: Mapping[str, str], findings: Findings) -> tuple[tuple[str, str], ...]:
    """Return the variables that name usable certificates, and their paths. What is not usable is a warning."""
    usable = []
    faults: dict[str, str] = {}  # both often name the same file, and to load one takes long
    for name in FILE_VARIABLES:
        if path := environ.get(name, "").strip():
            faults[path] = what = faults[path] if path in faults else _fault(Path(path))
            if what:
                findings.warn(f"environment: {name}: {printable(path)} {what}")
            else:
                usable.append((name, _absolute(path)))
    if folders := environ.get(FOLDERS_VARIABLE, "").strip():
        missing = [folder for folder in folders.split(os.pathsep) if folder and not Path(folder).is_dir()]
        for folder in missing:
            findings.warn(f"environment: {FOLDERS_VARIABLE}: {printable(folder)} is no folder. {_CORRECT}")
        if not missing:
            usable.append((FOLDERS_VARIABLE, folders))
    return tuple(usable)


def _absolute(path: str) -> str:
    try:
        return str(Path(path).absolute())
    except OSError:  # the working folder is gone
        return path


def _fault(path: Path) -> str:
    """Return what is wrong with a file of certificates, and how to fix it; empty if it can be used."""
    try:
        data = read_up_to(path, MAX_BYTES)
    except FileNotFoundError:
        return f"does not exist. {_CORRECT}"
    except OSError as error:
        return f"cannot be read: {error.strerror}. {_CORRECT}"
    if data is None:
        return f"is no regular file. {_CORRECT}"
    if not _PEM.search(data):
        return f"holds no certificate in PEM form. {_AS_PEM}"
    return "" if _loads(path) else f"holds a damaged certificate. {_AS_PEM}"


def _loads(path: Path) -> bool:
    import ssl  # noqa: PLC0415 - takes long to load, and few users have such a file

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        return False
    return True
