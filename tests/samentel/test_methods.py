import pytest

from samentel.wire import control_pb2, enrolment_pb2, premises_pb2, releases_pb2, rounds_pb2
from samentel.wire.methods import METHODS, Method, Role

MODULES = (enrolment_pb2, rounds_pb2, control_pb2, releases_pb2, premises_pb2)
CONTRACT = {
    f"/samentel.wire.{service.name}/{method.name}": method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
ROLES = {
    "EnrolmentService": {Role.INVITED},
    "RoundService": {Role.NODE},
    "ControlService": {Role.ADMIN},
    "ReleaseService": {Role.READER, Role.ADMIN},
    "PremisesService": {Role.LOCAL},
}
BY_PATH = [pytest.param(method, id=method.path) for method in METHODS]


def test_the_table_and_the_contract_name_the_same_calls() -> None:
    assert sorted(method.path for method in METHODS) == sorted(CONTRACT)


@pytest.mark.parametrize("method", BY_PATH)
def test_a_call_takes_gives_and_streams_what_the_contract_says(method: Method[object, object]) -> None:
    contract = CONTRACT[method.path]
    assert method.request.__name__ == contract.input_type.name
    assert method.response.__name__ == contract.output_type.name
    assert method.streams == contract.server_streaming
    assert not contract.client_streaming


@pytest.mark.parametrize("method", BY_PATH)
def test_a_call_is_open_to_the_roles_of_its_service_and_nobody_else(method: Method[object, object]) -> None:
    # A certificate is renewed with the certificate itself: by a node, no longer by an invitation.
    expected = {Role.NODE} if method.name == "RenewCertificate" else ROLES[method.service]
    assert method.roles == expected


def test_what_is_local_is_open_to_no_certificate() -> None:
    for method in METHODS:
        assert (Role.LOCAL in method.roles) == (method.service == "PremisesService")
        assert Role.LOCAL not in method.roles or method.roles == {Role.LOCAL}
