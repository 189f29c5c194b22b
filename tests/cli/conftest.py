import pytest
from cli_machine import Machine


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    yield found
    found.close()
