"""Rounds by the calendar: a deployment that Prefect's page shows, starts, pauses and retries."""

from prefect import serve as serve_deployments
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.national import national_release
from samentel.errors import LocalFault

ZONE = "Europe/Amsterdam"

# Two rounds of one programme must never run at once: the later run is cancelled, the first goes on.
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def schedule(cron: str, *, active: bool = True) -> Schedule:
    """When to run, in Dutch time; raises LocalFault when the line is not one of cron's."""
    try:
        return Cron(cron, timezone=ZONE, active=active)
    except ValueError:
        raise LocalFault(
            f'--cron {cron!r}: write five fields, such as "0 6 1 2 *" for 1 February, 6:00'
        ) from None


def deployment(programme: str, cron: str) -> RunnerDeployment:
    """The deployment of one programme; what a person has paused stays paused.

    Args:
        programme: its id or digest, which is also the name on Prefect's page.
        cron: when to run, in Dutch time.
    """
    before = _registered(programme)
    running = before is None or all(schedule.active for schedule in before.schedules)
    made = national_release.to_deployment(
        name=programme,
        schedules=[schedule(cron, active=running)],
        parameters={"programme": programme},
        paused=before is not None and before.paused,
        concurrency_limit=ONE_AT_A_TIME,
        description="One national release for the last period that is over. Running it again is harmless.",
        # By module: a path of this machine has no place in Prefect's database.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(made, RunnerDeployment), "a coroutine is returned inside an event loop only"
    return made


def serve(programme: str, cron: str) -> None:
    """Register the deployment and carry out its runs until stopped."""
    serve_deployments(
        deployment(programme, cron), pause_on_shutdown=False, print_starting_message=False, limit=1
    )


def _registered(programme: str) -> DeploymentResponse | None:
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(f"{national_release.name}/{programme}")
        except ObjectNotFound:
            return None
