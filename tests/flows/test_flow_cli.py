import os
import subprocess

import pytest

from flows import settings
from rehearsal import processes


def flow(*words, **environment):
    return subprocess.run(
        processes.command("desk.cli", "flow", *words),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["--cron", "61 x"], "write five fields", id="cron"),
        pytest.param([], "no Prefect server answers at http://127.0.0.1:9/api", id="no-server"),
    ],
)
def test_serve_says_in_one_line_what_is_wrong(tmp_path, words, why):
    credentials = ["--credentials", str(tmp_path)]
    done = flow("serve", "aanleiding-demo", *words, *credentials, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_operator_has_set_wins_and_the_rest_is_quiet(tmp_path, monkeypatch):
    for name in settings.DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(settings.CREDENTIALS, str(tmp_path))  # so that it is put back at the end
    settings.prepare(tmp_path)
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "120"
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


@pytest.mark.prefect
@pytest.mark.timeout(240)
def test_an_administrator_starts_a_served_run_on_prefects_page(prefect_api, running, tmp_path):
    from prefect.client.orchestration import get_client

    words = ["flow", "serve", "aanleiding-demo", "--credentials", str(running.parts.national.admin)]
    environment = {settings.API_URL: prefect_api, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    served = processes.start(
        "serve", processes.command("desk.cli", *words), tmp_path / "serve.log", environment
    )
    try:
        processes.wait("registering", lambda: deployed() is not None, [served], 60)
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(deployed().id)

            def ended():
                state = client.read_flow_run(run.id).state
                return state is not None and state.is_final()

            processes.wait("the run", ended, [served], 90)
            state = client.read_flow_run(run.id).state
        assert state.is_completed(), state
    finally:
        served.stop()
    assert served.process.returncode in (0, 143)
    assert "Traceback" not in served.log.read_text()


def deployed():
    """The deployment as Prefect's server has it, once it is ready to be run."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name("national-release/aanleiding-demo")
        except ObjectNotFound:
            return None
    return found
