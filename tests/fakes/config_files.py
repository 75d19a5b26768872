"""A config.json and a .env with comments, as a user writes them; what a command made of them."""

from __future__ import annotations

from fakes.command_line import CommandLine, Done

CONFIG = """\
// mine
{
  "proxy_port": 8790,
  "providers": [
    // the cheap one
    {"preset": "minimax"}, // for now
    {"preset": "moonshot", "enabled": false},
    {"preset": "zai", "name": "glm"} /* dear */
  ]
}
"""
ENV = "# my keys\nMINIMAX_API_KEY=sk-minimax-4f9d1c7a2b\n\nZAI_API_KEY=\n"


def read_config(cli: CommandLine) -> str:
    return cli.home.config.read_bytes().decode()


def read_env(cli: CommandLine) -> str:
    return cli.home.env.read_bytes().decode()


def rows(done: Done) -> list[list[str]]:
    assert (done.code, done.err) == (0, "")
    return [line.split() for line in done.out.splitlines()]
