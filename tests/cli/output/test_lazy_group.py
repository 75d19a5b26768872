from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from claude_proxy import __version__
from claude_proxy.cli.main import COMMANDS, main
from fakes.command_line import CommandLine

SECRET = "sk-in-an-error-message"


def test_help_lists_the_commands_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert f"  {name} " in shown
        assert summary in shown
    for code in ("0 ", "1 ", "2 ", "3 ", "70 ", "126 ", "127 ", "130 "):
        assert f"    {code}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    shown = "".join(capsys.readouterr())  # on standard error where a shell evaluates the output
    assert shown.startswith(f"Usage: claude-proxy {name}")
    assert f"  claude-proxy {name}" in shown.partition("Example")[2]


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["run"], ["providers"], ["providers", "add"], ["help"]])
def test_help_before_a_command_is_the_same_as_after_it(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    after = printed([*command, "--help"], capsys)
    assert printed(["help", *command], capsys) == after
    assert " \n" not in after


@pytest.mark.parametrize("command", [[], ["add"]])
def test_a_group_of_commands_has_help_too(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(["providers", "help", *command], capsys) == printed(["providers", *command, "-h"], capsys)


def test_help_for_a_command_that_does_not_exist_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "strat"]) == 2
    assert "No such command 'strat'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_an_option_too(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed([option], capsys) == printed(["version"], capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["strat"], "Did you mean"),
        (["start", "--forse"], "--forse"),
        (["run"], "COMMAND"),
        (["logs", "-n", "-1"], "-1"),
        (["stop", "--timeout", "soon"], "soon"),
    ],
)
def test_a_wrong_command_line_is_an_error_with_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_version(cli: CommandLine) -> None:
    done = cli("version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"claude-proxy {__version__} (Python 3.")


SLOW = {
    *("rich", "msgspec", "dotenv", "uvicorn", "httptools", "asyncio", "logging"),
    *("http.client", "email", "ssl", "secrets", "hashlib"),
    *("claude_proxy.app", "claude_proxy.config.load", "claude_proxy.core.types", "claude_proxy.core.explanation"),
}
"""Modules that take long to load; each of the commands below does without most of them."""


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["version"], set()),
        (["--help"], set()),
        (["stop"], {"msgspec"}),
        (["init", "bash"], {"msgspec"}),
        (["reset", "--shell", "bash"], {"msgspec"}),
        (["env", "--shell", "bash", "--help"], {"msgspec"}),
        (["switch", "--shell", "bash", "--help"], {"msgspec"}),
        (["run", "--help"], {"msgspec"}),
        (["status"], {"msgspec", "rich"}),
    ],
)
def test_a_command_loads_nothing_slow_that_it_does_not_need(
    arguments: list[str], needed: set[str], cli: CommandLine
) -> None:
    code = (
        f"import sys; from claude_proxy.cli.main import main; main({arguments!r});"
        f"print('', *({SLOW!r} & set(sys.modules)), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli.environ(), capture_output=True, check=True, text=True)
    loaded = {name.removeprefix("claude_proxy.") for name in done.stdout.rpartition("\n\n")[2].split()}
    assert loaded - needed == set()


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch, cli: CommandLine) -> Path:
    """Make `version` fail in a way that nobody thought of; return where the details go."""
    monkeypatch.setenv("CLAUDE_PROXY_HOME", str(cli.home.root))

    def system() -> str:
        try:
            return dict[str, str]()[SECRET]
        except KeyError as error:
            raise ValueError(f"Invalid header value {SECRET}") from error

    monkeypatch.setattr(platform, "system", system)
    return cli.home.state / "error.txt"


def test_an_internal_error_is_one_line_with_code_70(fails: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 70
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"error: unexpected ValueError; {fails} says where it happened\n"
    details = fails.read_text(encoding="utf-8")
    assert "in system" in details
    assert "KeyError" in details
    assert SECRET not in details


def test_an_internal_error_that_cannot_be_saved_is_one_line(fails: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fails.parent.write_text("a file where the folder should be", encoding="utf-8")
    assert main(["version"]) == 70
    assert capsys.readouterr().err == "error: unexpected ValueError\n"


def test_a_reader_that_left_is_no_fault(cli: CommandLine) -> None:
    cli.home.log.write_text("a line that is longer than it seems\n" * 20_000, encoding="utf-8")
    with cli.spawned("logs", "-n", "20000") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_narrow_console_shows_what_it_can(cli: CommandLine) -> None:
    cli.home.log.write_text("größer \u2192 \u4e2d\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "claude_proxy", "logs"],
        env=cli.environ({"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("cp1252").strip() == "größer ? ?"
