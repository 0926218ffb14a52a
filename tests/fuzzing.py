"""How many random inputs a property test tries.

A few in every run of the tests, thousands where somebody asks for them:

    python -m pytest tests -k fuzz --hypothesis-profile long
"""

from hypothesis import HealthCheck, settings

LONG = "long"
settings.register_profile(
    LONG,
    max_examples=2000,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def tries(few: int) -> settings:
    """Returns settings of `few` inputs, or of the long profile's many.

    Args:
        few: int. Number of inputs that an ordinary run of the tests can afford.
    """
    long = settings.get_current_profile_name() == LONG
    many = settings.get_profile(LONG).max_examples
    return settings(
        max_examples=many if long else few,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
