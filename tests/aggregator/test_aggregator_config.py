"""aggregator.toml and the directory that init makes."""

import re
import tomllib
from datetime import timedelta

import pytest

from aggregator import config as configuration
from aggregator import setup
from samentel.errors import DocumentError, LocalFault


def test_what_init_writes_is_what_load_reads(central):
    config = central.config
    assert config.hosts == ("127.0.0.1", "localhost")
    assert (config.gather, config.collect) == (timedelta(hours=168), timedelta(hours=24))
    assert config.authority == tuple(key.public for key in central.authority)
    assert config.authority_threshold == 2
    assert config.state == config.path.parent / "state"
    assert str(config.path) in repr(config)
    assert "sqlite" not in repr(config), "a database address may hold a password"


def test_init_makes_no_second_coordinator_in_the_same_place(central, authority_files):
    before = {path: path.read_bytes() for path in central.config.path.parent.rglob("*") if path.is_file()}
    with pytest.raises(LocalFault, match="exists already"):
        setup.init(
            central.config.path.parent,
            listen="127.0.0.1:1",
            address="127.0.0.1:1",
            hosts=["x"],
            authority=authority_files[1],
            authority_threshold=1,
        )
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"address": "no-port"}, "--address", id="address"),
        pytest.param({"hosts": []}, "--host", id="hosts"),
        pytest.param({"authority_threshold": 3}, "--authority-threshold 3: with 2 keys", id="threshold"),
        pytest.param({"authority_threshold": 0}, "--authority-threshold 0", id="no-threshold"),
    ],
)
def test_init_with_a_mistake_leaves_nothing_that_looks_like_a_coordinator(
    tmp_path, authority_files, change, why
):
    good = {
        "listen": "127.0.0.1:7443",
        "address": "a.example:7443",
        "hosts": ["a.example"],
        "authority": authority_files[1],
        "authority_threshold": 2,
    }
    with pytest.raises((LocalFault, DocumentError), match=why):
        setup.init(tmp_path / "new", **{**good, **change})
    assert not list((tmp_path / "new").rglob("aggregator.toml*"))
    assert not (tmp_path / "new" / "state").exists()
    setup.init(tmp_path / "new", **good)


@pytest.mark.parametrize("key", ["listen", "address"])
def test_a_port_that_cannot_be_is_found_in_the_file_too(central, key):
    text = central.config.path.read_text()
    wrong = re.sub(rf'^{key} = ".*"$', f'{key} = "127.0.0.1:99999"', text, flags=re.MULTILINE)
    central.config.path.write_text(wrong)
    with pytest.raises(DocumentError, match=f"{key}: .*between 1 and 65535"):
        configuration.load(central.config.path)


@pytest.mark.parametrize("text", ['a"b\\c', "tab\there", "één \x7f 😀", "it's"])
def test_any_text_can_stand_in_a_toml_file(text):
    assert tomllib.loads(f"it = {configuration.quoted(text)}") == {"it": text}


def test_an_authority_file_that_is_no_key_is_named(tmp_path):
    (tmp_path / "x.pem").write_text("nonsense")
    with pytest.raises(LocalFault, match="Ed25519"):
        setup.init(
            tmp_path / "new",
            listen="127.0.0.1:1",
            address="a:1",
            hosts=["a"],
            authority=[tmp_path / "x.pem"],
            authority_threshold=1,
        )


def test_every_mistake_is_reported_at_once(central, tmp_path):
    text = central.config.path.read_text()
    text = text.replace('listen = "', 'listen = "what ').replace("gather_hours = 168.0", "gather_hours = -1")
    text = text.replace("collect_hours = 24.0", 'collect_hours = "24"\nnoise = false')
    central.config.path.write_text(text)
    with pytest.raises(DocumentError) as error:
        configuration.load(central.config.path)
    places = {problem.split(":")[0] for problem in error.value.problems}
    assert places == {"listen", "gather_hours", "collect_hours", "noise"}


def test_missing_and_repeated_authority_keys_are_reported_together(central):
    text = central.config.path.read_text()
    first = '"authority/authority-1.pub.pem"'
    text = text.replace('"authority/authority-2.pub.pem"', f'{first}, "absent.pem"')
    central.config.path.write_text(text)
    with pytest.raises(DocumentError) as error:
        configuration.load(central.config.path)
    assert len(error.value.problems) == 2
    assert "absent.pem cannot be read" in str(error.value)
    assert "the same key stands twice" in str(error.value)


def test_a_fraction_of_an_hour_is_a_deadline(central):
    central.config.path.write_text(central.config.path.read_text().replace("168.0", "0.25"))
    assert configuration.load(central.config.path).gather == timedelta(minutes=15)


def test_the_steps_of_a_secure_sum_have_their_times(central):
    config = central.config
    assert (config.advertise, config.share) == (timedelta(minutes=30), timedelta(minutes=30))
    assert config.expire == timedelta(hours=168)
    text = config.path.read_text().replace("advertise_minutes = 30.0", "advertise_minutes = 0.02")
    config.path.write_text(text.replace("share_minutes = 30.0\n", "").replace("168.0", "0.005"))
    changed = configuration.load(config.path)
    assert changed.advertise == timedelta(seconds=1.2)
    assert changed.share == timedelta(minutes=30), "a file from before has these as they are by default"
    assert changed.expire == timedelta(seconds=18)


@pytest.mark.parametrize(
    ("key", "value"),
    [("advertise_minutes", 0), ("share_minutes", -1), ("expire_hours", 0), ("expire_hours", 721)],
)
def test_a_step_without_time_or_a_secret_kept_too_long_is_refused(central, key, value):
    text = re.sub(rf"{key} = .*", f"{key} = {value}", central.config.path.read_text())
    central.config.path.write_text(text)
    with pytest.raises(DocumentError, match=key):
        configuration.load(central.config.path)


def test_a_sum_that_no_node_would_join_is_refused(central):
    path, text = central.config.path, central.config.path.read_text()
    for key, value in (("collect_hours", 1500.0), ("expire_hours", 720.0)):
        text = re.sub(rf"{key} = .*", f"{key} = {value}", text)
    path.write_text(text)
    with pytest.raises(DocumentError, match="no node joins one of 90 days"):
        configuration.load(path)


def test_no_key_switches_anything_off():
    names = set(configuration.Settings.model_fields)
    assert not {
        name for name in names for word in ("insecure", "skip", "verify", "noise", "tls") if word in name
    }
