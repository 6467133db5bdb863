import contextlib
import hashlib

import pytest

from samentel.secagg import tree


def rows(count, width=5):
    return b"".join(bytes([i]) * width for i in range(count))


@pytest.mark.parametrize("count", [*range(1, 35), 50, 100])
@pytest.mark.clause("ENC-5")
def test_every_row_leads_to_the_root_and_to_no_other_place(count):
    table = rows(count)
    root = tree.root(table, 5)
    for index in range(count):
        row, steps = table[5 * index : 5 * index + 5], tree.path(table, 5, index)
        assert tree.root_of(row, index, count, steps) == root
        assert tree.column((table, table), 5, index) == (row + row, steps + steps)
        assert tree.root_of(b"other", index, count, steps) != root
        for wrong in {(index + 1) % count, index ^ 1} - {index}:
            with contextlib.suppress(ValueError):
                assert tree.root_of(row, wrong, count, steps) != root


@pytest.mark.clause("ENC-5")
def test_two_rows_are_hashed_as_rfc_6962_says():
    left, right = (hashlib.sha256(b"\x00" + row).digest() for row in (b"a", b"b"))
    assert tree.root(b"ab", 1) == hashlib.sha256(b"\x01" + left + right).digest()


def test_a_path_of_another_length_is_refused():
    steps = tree.path(rows(8), 5, 3)
    for wrong in (steps[:-32], steps + bytes(32)):
        with pytest.raises(ValueError, match="path"):
            tree.root_of(rows(8)[15:20], 3, 8, wrong)


def test_an_inner_node_cannot_pass_for_a_row():
    table = rows(4, 64)
    inner = b"".join(hashlib.sha256(b"\x00" + table[at : at + 64]).digest() for at in (0, 64))
    assert tree.root_of(inner, 0, 2, tree.path(table, 64, 0)[32:]) != tree.root(table, 64)


@pytest.mark.parametrize(("table", "width"), [(b"", 5), (b"1234567", 5), (b"12345", 0)])
def test_rows_of_unequal_length_make_no_tree(table, width):
    with pytest.raises(ValueError, match="rows of equal length"):
        tree.root(table, width)
