"""A rotator of another toolchain: Python, made a component by componentize-py. It does nothing; `inspect` looks at it."""

from wit_world import exports


class Rotation(exports.Rotation):
    def run(self, step):
        return None
