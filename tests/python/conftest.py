"""Every test that takes `table` runs once for each table of the output directory."""

import readers


def pytest_generate_tests(metafunc):
    if "table" in metafunc.fixturenames:
        metafunc.parametrize("table", readers.tables())
