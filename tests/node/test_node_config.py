"""Configuration and mapping: every mistake at once, each with its place, and no traceback ever."""

import pytest

from node import config, identity, mapping, setup
from node.store import Reader
from samentel.documents import programme as programmes
from samentel.errors import DocumentError, LocalFault


def problems_of(load, path):
    with pytest.raises(DocumentError) as caught:
        load(path)
    return caught.value.problems


def edited(directory, name, old, new):
    path = directory / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_what_init_makes_can_be_loaded_at_once(directory):
    loaded = config.load(directory / "node.toml")
    assert loaded.authority_threshold == len(loaded.authority) == 2
    assert loaded.language == "nl"
    mapping.load(loaded.mapping)
    with Reader.open_read_only(loaded.state_dir) as reader:
        assert reader.entries() == []
    assert repr(identity.protocol_key(loaded.state_dir)).startswith("SigningKey(<")


def test_the_example_mapping_is_a_mapping(short_path, authority_files):
    path = setup.init(short_path / "new", authority=authority_files, authority_threshold=1).parent
    mapping.load(path / "mapping.toml")


def test_keys_are_for_their_owner_only(directory):
    kept = list((directory / "state" / "identity").iterdir())
    assert kept
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_a_directory_is_set_up_once(directory, authority_files):
    with pytest.raises(LocalFault, match="has been set up before"):
        setup.init(directory, authority=authority_files, authority_threshold=2)


def test_a_private_key_is_no_authority_s_key(short_path, kit):
    (short_path / "x.pem").write_bytes(kit.AUTHORITY[0].to_pem())
    with pytest.raises(LocalFault, match="not an Ed25519 public key"):
        setup.init(short_path / "new", authority=[short_path / "x.pem"], authority_threshold=1)


CONFIG_MISTAKES = [
    pytest.param('language = "nl"', 'language = "fr"', "language:", id="language"),
    pytest.param('language = "nl"', 'languages = "nl"', "languages: is not a key", id="unknown-key"),
    pytest.param("threshold = 2", "threshold = 3", "authority.threshold:", id="threshold"),
    pytest.param("authority-0.pub.pem", "none.pem", "authority.keys.0:", id="no-key"),
    pytest.param(
        "authority-0.pub.pem", "authority-1.pub.pem", "authority.keys: the same key", id="key-twice"
    ),
    pytest.param('central = "1"', 'central = "0"', "caps:", id="no-cap"),
    pytest.param('central = "1"', "central = 0.5", "caps.central: write an exact number", id="float"),
    pytest.param("institutions_min = 3", "institutions_min = 2", "floors.institutions_min:", id="floor"),
    pytest.param("collude_min = 0", "collude_min = -1", "floors.collude_min:", id="collude-floor"),
    pytest.param('state_dir = "state"', f'state_dir = "{"s" * 120}"', "control_socket:", id="long-path"),
    pytest.param('language = "nl"', "language = ", "cannot be read as TOML", id="no-toml"),
]


@pytest.mark.parametrize(("old", "new", "says"), CONFIG_MISTAKES)
def test_a_mistake_in_the_configuration_is_named_with_its_place(directory, old, new, says):
    found = problems_of(config.load, edited(directory, "node.toml", old, new))
    assert any(problem.startswith(says) for problem in found)


def test_all_mistakes_in_the_configuration_are_told_together(directory):
    edited(directory, "node.toml", "authority-0.pub.pem", "none.pem")
    edited(directory, "node.toml", 'central = "1"', 'central = "0"')
    assert (
        len(problems_of(config.load, edited(directory, "node.toml", "threshold = 2", "threshold = 3"))) == 3
    )


def test_the_floors_are_those_of_the_file_and_have_defaults(directory):
    loaded = config.load(edited(directory, "node.toml", "collude_min = 0", "collude_min = 2"))
    assert (loaded.institutions_floor, loaded.collude_floor) == (3, 2)
    loaded = config.load(edited(directory, "node.toml", "collude_min = 2\n", ""))
    assert loaded.collude_floor == 0


def test_a_missing_configuration_says_what_to_do(tmp_path):
    with pytest.raises(LocalFault, match="samentel-node init"):
        config.load(tmp_path / "node.toml")


MAPPING_MISTAKES = [
    pytest.param('delimiter = ";"', 'delimiter = ";;"', "file.delimiter:", id="delimiter"),
    pytest.param('delimiter = ";"', "delimiter = '\"'", "file.quote:", id="quote-is-delimiter"),
    pytest.param(
        'path = "export.csv"', 'path = "export.csv"\nencoding = "utf-16"', "file.encoding:", id="encoding"
    ),
    pytest.param("%d-%m-%Y", "%d-%m-%y", "file.dates.1:", id="two-digit-year"),
    pytest.param("%d-%m-%Y", "%d-%m", "file.dates.1:", id="no-year"),
    pytest.param("%d-%m-%Y", "%d-%q-%Y", "file.dates.1:", id="no-such-directive"),
    pytest.param('person = "nr"\n', "", "columns.person: is missing", id="no-person"),
    pytest.param('sex = "geslacht"', 'seks = "geslacht"', "columns.seks: is not a field", id="unknown-field"),
    pytest.param('sex = "geslacht"\n', "", "codes.sex: there is no columns.sex", id="codes-without-column"),
    pytest.param("[codes.sex]", "[codes.person]", "codes.person:", id="codes-of-no-code-field"),
    pytest.param('man = "M"', 'man = "M"\n" MAN" = "F"', "codes.sex: the word", id="a-word-twice"),
    pytest.param("[blank]", "[blank]\nreferrer = 'X'", "blank.referrer:", id="blank-without-column"),
    pytest.param("[blank]", "[blanc]", "blanc: is not a key", id="unknown-table"),
]


@pytest.mark.parametrize(("old", "new", "says"), MAPPING_MISTAKES)
def test_a_mistake_in_the_mapping_is_named_with_its_place(directory, old, new, says):
    found = problems_of(mapping.load, edited(directory, "mapping.toml", old, new))
    assert any(problem.startswith(says) for problem in found), found


def test_a_field_without_a_column_is_told_and_no_obstacle(directory, kit):
    edited(directory, "mapping.toml", 'geboren"', 'geboren"\nexit = "einde"')
    path = edited(directory, "mapping.toml", 'birth_date = "geboren"\n', "")
    programme = programmes.parse(kit.programme_text())
    held = mapping.load(path)
    assert mapping.misfits(held, programme) == []
    assert mapping.unmapped(held, programme) == ["age"]


def test_a_programme_for_other_records_is_told_apart(directory, kit):
    text = kit.programme_text().replace(b'field = "sex"', b'field = "shoe_size"')
    found = mapping.misfits(mapping.load(directory / "mapping.toml"), programmes.parse(text))
    assert len(found) == 1
    assert "shoe_size is not one that this version can take in" in found[0]
