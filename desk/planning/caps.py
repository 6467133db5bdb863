"""The caps that a node has unless its house sets others; a test compares them with the node's own.

The most that one person may lose in one reporting year of the data. The desk knows
no node: here are the two numbers that a plan must say something about.
"""

CENTRAL_CAP = 1  # against everyone who sees the releases
LOCAL_CAP = 80  # if everybody else colludes
