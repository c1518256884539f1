"""Planted faults of the IMAP server, by topic; importing the package registers them all.

Each is a core that overrides one small method and so breaks one requirement.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
