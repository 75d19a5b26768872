"""The user's command for events in config.json: what it may be, and whose file is believed."""

from __future__ import annotations

import os
import sys
from typing import Any
from unittest import mock

import pytest

from config.folder import Folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners of POSIX")
COMMAND = ["/usr/local/bin/on-event", "--quiet", ""]


def settings(**changes: Any) -> dict[str, Any]:
    return {"providers": [{"preset": "minimax"}], **changes}


@pytest.fixture
def own(home: Folder) -> Folder:
    """A home whose files only its user can change, whatever the umask is."""
    home.path.chmod(0o700)
    home.write(settings())
    (home.path / "config.json").chmod(0o600)
    return home


def warned(home: Folder, command: list[str]) -> list[str]:
    """Load a command, and return the warnings about it; there is one if it is not run."""
    config = home.loads(settings(on_event=command))
    assert config.on_event in {tuple(command), ()}
    warnings = [text for text in config.warnings if "on_event" in text]
    assert len(warnings) == (config.on_event == ())
    return warnings


@pytest.mark.parametrize("command", [COMMAND, ["~/bin/on-event"], ["on-event"], ["sh", "-c", "cat > /tmp/x"]])
def test_a_name_or_a_whole_path_and_any_arguments_are_a_command(own: Folder, command: list[str]) -> None:
    config = own.loads(settings(on_event=command, notify=True))
    assert (config.on_event, config.notify) == (tuple(command), True)


def test_nothing_is_told_by_default(own: Folder) -> None:
    config = own.loads(settings())
    assert (config.on_event, config.notify) == ((), False)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("notify-me --now", 'on_event: "notify-me --now" is not a list: a program and its arguments'),
        ([""], "on_event[0]: it is empty"),
        (["./on-event"], 'on_event[0]: "./on-event" is a path from nowhere in particular. Write its whole path'),
        (["bin/on-event"], "on_event[0]"),
        (["a", "b\0c"], "on_event[1]"),
        (["a", 1], "on_event[1]: 1 is not a text"),
    ],
)
def test_what_is_no_command_is_a_fault(own: Folder, command: Any, fault: str) -> None:
    [found] = own.faults(settings(on_event=command))
    assert fault in found


@posix
@pytest.mark.parametrize("mode", [0o622, 0o620, 0o602, 0o666])
def test_no_command_is_run_from_a_file_that_others_can_change(own: Folder, mode: int) -> None:
    (own.path / "config.json").chmod(mode)
    [warning] = warned(own, COMMAND)
    assert f"others can change {own.path.resolve()}/config.json (mode {mode:04o}). Run: chmod go-w" in warning


@posix
def test_no_command_is_run_from_a_folder_in_which_others_can_replace_the_file(own: Folder) -> None:
    own.path.chmod(0o777)
    [warning] = warned(own, COMMAND)
    assert f"others can change {own.path.resolve()} (mode 0777)" in warning
    own.path.chmod(0o1777)
    assert warned(own, COMMAND) == []


@posix
def test_a_link_is_believed_as_the_file_that_it_names(own: Folder) -> None:
    elsewhere = own.path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    target = elsewhere / "config.json"
    target.write_text("{}", encoding="utf-8")
    target.chmod(0o600)
    (own.path / "config.json").unlink()
    (own.path / "config.json").symlink_to(target)
    [warning] = warned(own, COMMAND)
    assert "elsewhere (mode 0777)" in warning


@posix
def test_no_command_is_run_from_another_users_file(own: Folder) -> None:
    """As root, whose files all believe, the file is given away; else somebody else looks at it."""
    other = 4711
    if os.geteuid() == 0:
        os.chown(own.path / "config.json", other, -1)
        [warning] = warned(own, COMMAND)
    else:
        with mock.patch.object(os, "geteuid", return_value=other):
            [warning] = warned(own, COMMAND)
    assert "who can change it. Replace it by a copy" in warning
