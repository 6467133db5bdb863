import pytest

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(180)]

CRON = "0 6 1 2 *"


@pytest.fixture
def registered(prefect_api):
    """Register the deployment and read it back as Prefect's page shows it."""
    from prefect.client.orchestration import get_client

    from flows import serve

    def register(cron=CRON):
        identity = serve.deployment("aanleiding-demo", cron).apply()
        with get_client(sync_client=True) as client:
            return client.read_deployment(identity)

    return register


def test_the_schedule_is_in_dutch_time_and_rounds_never_overlap(registered):
    found = registered()
    (schedule,) = found.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == (CRON, "Europe/Amsterdam")
    assert schedule.active
    assert found.parameters == {"programme": "aanleiding-demo"}
    assert found.global_concurrency_limit.limit == 1
    assert found.concurrency_options.collision_strategy == "CANCEL_NEW"


def test_no_path_of_this_machine_is_in_the_deployment(registered):
    found = registered()
    assert found.entrypoint == "flows.national.national_release"
    assert found.path in (None, ".")


def test_what_a_person_paused_stays_paused_when_the_command_starts_again(registered):
    from prefect.client.orchestration import get_client

    found = registered()
    with get_client(sync_client=True) as client:
        client.pause_deployment(found.id)
    again = registered()
    assert again.id == found.id
    assert again.paused
    with get_client(sync_client=True) as client:
        client.resume_deployment(found.id)
    resumed = registered("0 7 1 2 *")
    assert not resumed.paused
    assert [schedule.schedule.cron for schedule in resumed.schedules] == ["0 7 1 2 *"]


def test_a_schedule_that_was_switched_off_stays_off(registered):
    from prefect.client.orchestration import get_client

    found = registered()
    with get_client(sync_client=True) as client:
        client.update_deployment_schedule(found.id, found.schedules[0].id, active=False)
    again = registered()
    assert [schedule.active for schedule in again.schedules] == [False]
    with get_client(sync_client=True) as client:
        client.update_deployment_schedule(again.id, again.schedules[0].id, active=True)
    assert registered().schedules[0].active
