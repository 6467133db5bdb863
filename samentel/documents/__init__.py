"""Documents that somebody signs: the envelope, programmes, the roster, statements of a round."""
