import pytest

from jobs.workshop import Workshop


@pytest.fixture
def shop(tmp_path):
    shop = Workshop(tmp_path)
    yield shop
    shop.close()
