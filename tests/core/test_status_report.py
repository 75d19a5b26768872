"""What survives the way of a report through JSON."""

from __future__ import annotations

import msgspec

from claude_proxy.core.status_report import LastAnswer, LastError, ProviderStatus, SkippedStatus, Spent, StatusReport

NOW = 1000.0


def test_the_commands_read_what_the_server_writes() -> None:
    answer = LastAnswer("zai", "glm-5.3", NOW)
    report = StatusReport(
        version="1",
        instance="a",
        pid=1,
        started_at=0.0,
        host="127.0.0.1",
        port=8787,
        in_flight=2,
        draining=True,
        providers=(ProviderStatus(name="zai", state="ready", last_error=LastError(NOW, "busy")),),
        skipped=(SkippedStatus("minimax", "MINIMAX_API_KEY"),),
        last_answer=answer,
        sessions={"s": answer},
        config_problems=("x",),
        warnings=("y",),
    )
    assert msgspec.json.decode(msgspec.json.encode(report), type=StatusReport) == report


def test_sums_are_added_part_by_part() -> None:
    assert Spent(1.0, 2, 3.0, 4) + Spent(0.5, 1, 0.25, 1) == Spent(1.5, 3, 3.25, 5)
