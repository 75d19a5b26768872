"""What the proxy tells of a provider, and what survives the way through JSON."""

from __future__ import annotations

import msgspec
import pytest

from claude_proxy.core.health import Health
from claude_proxy.core.issues import Issues, LastError
from claude_proxy.core.reasons import Reason
from claude_proxy.core.status_report import LastAnswer, ProviderStatus, SkippedStatus, StatusReport, provider_status
from core.builders import provider

NOW = 1000.0


def test_a_ready_provider() -> None:
    zai = provider("zai")
    assert provider_status(zai, Health("zai", 60.0), Issues(), NOW) == ProviderStatus(
        name="zai", base_url=zai.base_url, key=zai.api_key_env, auth=zai.auth.value, state="ready"
    )


def test_a_cooldown_is_shown_with_its_end_and_its_reason_in_both_forms() -> None:
    health = Health("zai", 60.0)
    health.strike(health.force(), NOW, Reason.STATUS, 529)
    told = provider_status(provider("zai"), health, Issues(LastError(NOW, "busy")), NOW)
    assert (told.state, told.cooldown_until, told.reason, told.why) == ("cooldown", NOW + 15.0, "529", "overloaded")
    assert (told.strikes, told.last_error) == (1, LastError(NOW, "busy"))


def test_what_the_user_has_to_fix_is_shown() -> None:
    issues = Issues(key_rejected=True, out_of_credit=True, unknown_model="glm-9")
    told = provider_status(provider("zai"), Health("zai", 60.0), issues, NOW)
    assert (told.key_rejected, told.out_of_credit, told.unknown_model) == (True, True, "glm-9")


@pytest.mark.parametrize(("models", "shown"), [({"opus": "glm-9"}, "glm-9"), ({"opus": "glm-5"}, None)])
def test_an_unknown_model_is_shown_while_the_configuration_asks_for_it(models: dict[str, str], shown: str) -> None:
    told = provider_status(provider("zai", models=models), Health("zai", 60.0), Issues(unknown_model="glm-9"), NOW)
    assert told.unknown_model == shown


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
