"""Puts the shipped rules and boards, which stand at the root of the checkout, inside the wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("alert_rules", "grafana")


class BuildWithShippedFiles(build_py):
    """Builds the packages and copies the shipped folders to `linkwatch/shipped` beside them."""

    def run(self) -> None:
        """Build; an editable install needs no copy, it finds the folders in the checkout."""
        super().run()
        if not self.editable_mode:
            for folder in SHIPPED:
                shutil.copytree(
                    folder, Path(self.build_lib, "linkwatch", "shipped", folder), dirs_exist_ok=True
                )


setup(cmdclass={"build_py": BuildWithShippedFiles})
