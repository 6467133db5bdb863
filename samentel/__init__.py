"""What an institution's node and the national side must agree on.

Pure: nothing in here opens a file, reads a clock, logs or talks to a network.
"""

__version__ = "0.1.0"
