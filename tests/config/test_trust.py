"""The variables that name a company's certificates: one that cannot be used is named with the fix."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from config.folder import Folder
from fakes.server import PEM

VARIABLES = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"]
CONFIG = {"providers": [{"preset": "minimax"}]}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_file_of_certificates_belongs_to_the_way_out(home: Folder, name: str) -> None:
    config = home.loads(CONFIG, environ={name: str(PEM)})
    assert config.egress.ca_files == ((name, str(PEM)),)
    assert config.warnings == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("missing.pem", "does not exist. Correct or unset it"),
        ("folder", "cannot be read: Is a directory"),
        ("pipe", "is no regular file"),
        ("empty.pem", "holds no certificate in PEM form. Export it as PEM"),
        ("key.pem", "holds no certificate in PEM form"),
        ("binary.der", "holds no certificate in PEM form"),
        ("cut.pem", "holds a damaged certificate"),
    ],
)
def test_a_file_without_certificates_is_named_with_the_fix(
    home: Folder, tmp_path: Path, name: str, file: str, what: str
) -> None:
    text = Path(PEM).read_text(encoding="ascii")
    certificate = text[text.index("-----BEGIN CERTIFICATE-----") :]
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.pem").touch()
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n", encoding="ascii")
    (tmp_path / "binary.der").write_bytes(ssl.PEM_cert_to_DER_cert(certificate))
    (tmp_path / "cut.pem").write_text(certificate[:300], encoding="ascii")
    config = home.loads(CONFIG, environ={name: str(tmp_path / file)})
    (warning,) = config.warnings
    assert warning.startswith(f"environment: {name}: {tmp_path / file} {what}")
    assert config.egress.ca_files == ()


def test_a_folder_of_certificates_that_does_not_exist_is_named(home: Folder, tmp_path: Path) -> None:
    there, missing = tmp_path, tmp_path / "missing"
    assert home.loads(CONFIG, environ={"SSL_CERT_DIR": str(there)}).warnings == ()
    (warning,) = home.loads(CONFIG, environ={"SSL_CERT_DIR": f"{there}{os.pathsep}{missing}"}).warnings
    assert warning.startswith(f"environment: SSL_CERT_DIR: {missing} is no folder. ")
