"""Proof that a dealer has dealt shares that do not fit: for the authority to judge, without trusting anybody.

Shares are checked one by one against what their dealer signed, so if as many as
the threshold do not give the secret to which the same dealer is bound, the
dealer has dealt wrongly. Such a dealer leaves the roster before the next attempt.
"""

from dataclasses import dataclass
from typing import Annotated

from samentel.errors import PeerError
from samentel.secagg import tree
from samentel.secagg.dealing import KEY, SEED, check_entry, check_share, entry_header
from samentel.secagg.encoding import Size
from samentel.secagg.masks import seed_commitment
from samentel.secagg.messages import ENTRY_BYTES, Advert, Dealing, Signed, hear_from
from samentel.secagg.primitives import agreement_public
from samentel.secagg.shamir import SHARE_BYTES, combine
from samentel.secagg.terms import NODES_MOST, Terms, point, threshold


@dataclass(frozen=True, slots=True, repr=False)
class RevealedShare:
    """A share that a helper has revealed, and the entry in which it was dealt.

    Attributes:
        receiver, index: the helper's position on the roster and in the list of keys.
    """

    receiver: int
    index: int
    entry: Annotated[bytes, Size(ENTRY_BYTES, ENTRY_BYTES)]
    steps: Annotated[bytes, Size(0, tree.PATH_MOST)]
    share: Annotated[bytes, Size(SHARE_BYTES, SHARE_BYTES)]


@dataclass(frozen=True, slots=True, repr=False)
class BadDealing:
    """The dealer's own signed words, and the shares that contradict them.

    Attributes:
        which: SEED or KEY.
    """

    dealer: int
    which: int
    advert: Signed
    dealing: Signed
    shares: Annotated[tuple[RevealedShare, ...], Size(1, NODES_MOST)]


def proves(terms: Terms, evidence: BadDealing) -> bool:
    """Whether the dealer is proven to have dealt shares that do not give its secret (REVEAL-5).

    Raises:
        PeerError: the evidence itself does not hold: a signature, an entry or a share is not the dealer's.
    """
    if evidence.which not in (SEED, KEY) or not all(
        share.receiver < len(terms.members) for share in evidence.shares
    ):
        raise PeerError("the evidence names a share that nobody can hold")
    advert = hear_from(evidence.dealer, Advert, evidence.advert, terms)
    dealing = hear_from(evidence.dealer, Dealing, evidence.dealing, terms)
    if len({share.receiver for share in evidence.shares}) != threshold(dealing.count):
        raise PeerError("another number of shares than the threshold proves nothing")
    for share in evidence.shares:
        check_entry(dealing, share.index, share.entry, share.steps)
        header = entry_header(terms, dealing.listing, evidence.dealer, share.receiver)
        check_share(header, share.entry, evidence.which, share.share)
    shares = {point(share.receiver): share.share for share in evidence.shares}
    return recovered(terms, evidence.dealer, evidence.which, shares, advert, dealing) is None


def recovered(
    terms: Terms, dealer: int, which: int, shares: dict[int, bytes], advert: Advert, dealing: Dealing
) -> bytes | None:
    """The secret of as many shares as the threshold, or None if the dealer is bound to another."""
    try:
        secret = combine(shares)
    except ValueError:
        return None
    if which == SEED:
        return secret if seed_commitment(secret, terms, dealer) == dealing.seed else None
    assert which == KEY  # there are two secrets
    return secret if agreement_public(secret) == advert.mask else None
