"""The shell files are what each shell's own checker takes, and what the package ships."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from claude_proxy import __version__
from claude_proxy.cli.shell.functions import FOLDER, MODULE_FILES, functions
from claude_proxy.cli.shell.quoting import Shell
from fakes.command_line import CommandLine
from shells.terminals import POSIX, ROOT, SHELLS, loading, program, terminal

PATIENCE = 120.0
MODULE = [ROOT / name for name in MODULE_FILES]
ANALYSE = """
$settings = @{ IncludeDefaultRules = $true; Rules = @{
    PSUseCompatibleSyntax = @{ Enable = $true; TargetVersions = @('5.1', '7.0') } } }
@($args | ForEach-Object { Invoke-ScriptAnalyzer -Path $_ -Settings $settings }) |
    ForEach-Object { '{0}:{1} {2}: {3}' -f $_.ScriptName, $_.Line, $_.RuleName, $_.Message }
"""


def run(*words: str | Path) -> str:
    """Run a checker, and return what it found."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "POWERSHELL_TELEMETRY_OPTOUT": "1", "PYTHONPATH": str(ROOT / "src")},
    )
    return done.stdout + done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


@pytest.fixture(params=[Shell.BASH, Shell.ZSH, Shell.FISH], ids=lambda shell: shell.value)
def printed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Shell, Path]:
    """A shell, and what `init` prints for it."""
    file = tmp_path / "printed"
    file.write_text(functions(request.param), encoding="utf-8")
    return request.param, file


def test_each_shell_reads_its_functions(printed: tuple[Shell, Path]) -> None:
    shell, file = printed
    assert run(program(shell.value), "--no-execute" if shell is Shell.FISH else "-n", file) == ""


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    whole = tmp_path / "bash"
    whole.write_text(functions(Shell.BASH), encoding="utf-8")
    checker = program("shellcheck")
    assert run(checker, "--shell=bash", "--enable=all", "--exclude=SC2250,SC2310,SC2311,SC2312,SC2244", whole) == ""
    for file in (*FOLDER.glob("*.sh"), *FOLDER.glob("*.bash")):
        assert run(checker, file) == ""


def test_script_analyzer_finds_nothing(tmp_path: Path) -> None:
    powershell = program("pwsh")
    script = tmp_path / "analyse.ps1"
    script.write_text(ANALYSE, encoding="utf-8")
    assert run(powershell, "-NoProfile", "-File", script, *MODULE) == ""
    newer = tmp_path / "newer.ps1"
    newer.write_text("$a ? 1 : 2\n", encoding="utf-8")
    assert "PSUseCompatibleSyntax" in run(powershell, "-NoProfile", "-File", script, newer)


def test_the_module_passes_its_own_tests() -> None:
    powershell = program("pwsh")
    tests = Path(__file__).with_name("ClaudeProxy.Tests.ps1")
    script = f"exit (Invoke-Pester -Path '{tests}' -Output Detailed -PassThru).FailedCount"
    found = run(powershell, "-NoProfile", "-NonInteractive", "-Command", script)
    assert "Failed: 0" in found, found
    assert not re.search(r"exit code|Passed: 0|Skipped: [1-9]", found), found


@pytest.mark.parametrize("file", MODULE, ids=lambda file: file.name)
def test_windows_powershell_reads_plain_ascii_alike(file: Path) -> None:
    assert file.read_bytes().isascii()


def test_the_manifest_has_the_version_and_the_names() -> None:
    script = f"Test-ModuleManifest -Path '{MODULE[0]}' | ForEach-Object {{ @{{ Version = [string]$_.Version; "
    script += "Functions = @($_.ExportedFunctions.Keys); Aliases = @($_.ExportedAliases.Keys) } } | ConvertTo-Json"
    manifest = json.loads(run(program("pwsh"), "-NoProfile", "-Command", script))
    assert manifest["Version"] == __version__
    assert sorted(manifest["Aliases"]) == ["claude-fb", "claude-reset", "claude-status", "claude-switch"]
    assert len(manifest["Functions"]) == 4


def test_the_package_ships_the_module_and_the_functions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    built = project["tool"]["hatch"]["build"]["targets"]
    for name in MODULE_FILES:
        assert built["wheel"]["force-include"][name] == f"claude_proxy/{FOLDER.name}/{name}"
        assert name in built["sdist"]["only-include"]
    assert FOLDER.is_relative_to(ROOT / built["wheel"]["packages"][0])


# Completion


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("claude-switch m", {"minimax", "moonshot"}),
        ("claude-switch mo", {"moonshot"}),
        ("claude-reset --k", {"--keep-proxy"}),
        ("claude-status --j", {"--json"}),
        ("claude-fb --h", {"--help"}),
    ],
)
@pytest.mark.parametrize("shell", [Shell.BASH, Shell.FISH], ids=lambda shell: shell.value)
def test_names_and_options_are_completed(shell: Shell, typed: str, offered: set[str], configured: CommandLine) -> None:
    word = typed.split(maxsplit=1)[0]
    with terminal(shell, configured) as opened:
        said = opened(
            f"complete -C '{typed}'"
            if shell is Shell.FISH
            else f"COMP_WORDS=({typed}); COMP_CWORD=1; $(complete -p {word} | sed 's/.*-F //; s/ .*//');"
            ' printf "%s\\n" "${COMPREPLY[@]}"'
        )
    assert {line.split("\t")[0] for line in said.out.split("\n") if line} == offered


def test_zsh_completes_names_and_options(configured: CommandLine) -> None:
    stub = "compadd() { print -l -- ${@:2}; }; complete_it() { local -a words=($@); _claude_proxy_complete; }"
    with terminal(Shell.ZSH, configured) as opened:
        opened(stub)
        assert opened("complete_it claude-switch").out.split() == ["minimax", "moonshot", "--provider", "--help"]
        assert opened("complete_it claude-reset").out.split() == ["--force", "--keep-proxy", "--help"]
        assert opened("complete_it claude-status").out.split() == ["--json", "--help"]


@pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)
def test_strict_options_of_the_shell_do_no_harm(shell: Shell, configured: CommandLine) -> None:
    strict = (
        "set -euo pipefail" if shell is Shell.BASH else "setopt err_return no_unset ksh_arrays rc_quotes sh_word_split"
    )
    with terminal(shell, configured) as opened:
        opened(f"{strict}; IFS=_")
        assert opened("claude-fb").code == 0
        assert opened.exported()["ANTHROPIC_BASE_URL"].startswith("http://127.0.0.1:")
        opened("claude-switch nobody || :")
        assert opened.reset(keep_proxy=True).code == 0
        assert opened.exported() == {}


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
def test_the_functions_can_be_loaded_again(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as opened:
        opened("claude-fb")
        before = opened.variables()
        said = opened(loading(shell, opened.errors.parent))
        assert (said.code, said.text.strip()) == (0, "")
        assert opened.variables() == before
        opened.reset(keep_proxy=True)
        assert opened.exported() == {}
