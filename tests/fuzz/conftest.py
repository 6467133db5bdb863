import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(
    0, str(Path(__file__).parent)
)  # the targets are also run by drive.py, in a process of its own

settings.register_profile("samentel", deadline=None)  # a busy machine is not a defect
settings.load_profile("samentel")
