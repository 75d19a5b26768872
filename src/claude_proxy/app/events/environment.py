"""What of the proxy's environment a user's command gets: what programs need, and nothing that holds a key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

_NAMES: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "CLAUDE_PROXY_HOME"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "DESKTOP_SESSION"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "USERNAME"),
        *("HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PSMODULEPATH"),
    }
)
_BEGINNINGS: Final = ("LC_", "XDG_")


def environment(environ: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    """Return the variables for a command, without those that hold the `keys` of providers, whatever their names."""
    secrets = [key for key in keys if key]
    return {
        name: value
        for name, value in environ.items()
        if (name.upper() in _NAMES or name.upper().startswith(_BEGINNINGS))
        and not any(secret in value for secret in secrets)
    }
