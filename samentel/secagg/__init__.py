"""The secure sum: what a node and the coordinator say to each other so that only a total becomes visible.

Pure, low to high: ``encoding`` and ``tree`` (canonical bytes, one signature
over many rows), ``primitives``, ``ring``, ``shamir``; ``terms`` (what a round
is about, and how many it needs; ``convening`` makes them of signed documents),
``messages``; ``dealing``, ``masks``, ``evidence``; the node's machine in
``standing`` (values) and ``client`` (rules); the coordinator's in ``relay``
(values) and ``server`` with ``unmasking`` (rules).

The protocol is Bonawitz et al. 2017 (CCS, ePrint 2017/281), the variant
against a malicious coordinator, with unanimous agreement on the survivors
before any share is revealed.
"""
