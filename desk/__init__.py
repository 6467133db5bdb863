"""The desk of whoever writes, signs, checks or reads: the command ``samentel``."""
