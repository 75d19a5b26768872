"""The way to the providers, in words that show no password."""

from __future__ import annotations

import pytest

from claude_proxy.core.egress import Egress


@pytest.mark.parametrize(
    ("egress", "words"),
    [
        (Egress(), "directly"),
        (Egress(None, ("corp.example",)), "directly"),
        (Egress("http://proxy.corp:3128"), "through the proxy http://proxy.corp:3128 (proxy_url)"),
        (
            Egress("http://me:p@ss@proxy.corp:3128", ("a.example", "10.0.0.0/8"), "HTTPS_PROXY"),
            "through the proxy http://proxy.corp:3128 (HTTPS_PROXY), but directly to a.example, 10.0.0.0/8",
        ),
        (
            Egress(ca_files=(("NODE_EXTRA_CA_CERTS", "/ca.pem"), ("SSL_CERT_FILE", "/all.pem"))),
            "directly, with the certificates in /ca.pem (NODE_EXTRA_CA_CERTS), /all.pem (SSL_CERT_FILE)",
        ),
    ],
)
def test_says_which_way_it_is(egress: Egress, words: str) -> None:
    assert egress.in_words == words


def test_only_nodes_variable_names_certificates_beside_the_systems() -> None:
    assert Egress(ca_files=(("SSL_CERT_FILE", "/a"),)).extra_ca_file == ""
    assert Egress(ca_files=(("SSL_CERT_FILE", "/a"), ("NODE_EXTRA_CA_CERTS", "/b"))).extra_ca_file == "/b"
