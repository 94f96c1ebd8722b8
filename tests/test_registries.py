"""The contract of each registry, held against every member: a new file is tested by being there."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from studio.controls import CONTROLS
from studio.controls.base import Control
from studio.families import FAMILIES
from studio.families.base import Family
from studio.metrics import METRICS
from studio.metrics.base import Metric
from studio.recipe import Ability
from studio.registry import Registry
from studio.schedulers import SCHEDULERS


def check_family(family: Family) -> None:
    import diffusers

    classes = set(dir(diffusers))
    assert family.pipelines
    assert set(family.pipelines.values()) <= classes
    assert family.signature.denoiser in classes
    assert family.signature.facts
    assert SCHEDULERS[family.scheduler].process == family.process
    assert family.native_side % family.multiple == 0
    assert family.min_side <= family.native_side <= family.max_side
    assert family.steps > 0
    assert 0 <= family.guidance_scale <= 20
    assert family.prompt_tokens >= 75
    assert family.abilities <= set(get_args(Ability))
    if family.preview:
        assert len(family.preview.factors) == family.latent_channels


def check_control(control: Control) -> None:
    assert control.label
    assert control.help.endswith(".")
    assert control.check({}) == {option.name: option.default for option in control.options}
    for option in control.options:
        assert option.label
        assert option.help.endswith(".")
        assert option.choices or option.minimum < option.maximum


def check_metric(metric: Metric) -> None:
    assert metric.label
    assert metric.help.endswith(".")
    assert metric.cost
    assert metric.fault
    assert metric.minimum < metric.maximum
    assert metric.minimum <= metric.usual <= metric.maximum
    assert metric.limit is None or metric.minimum <= metric.limit <= metric.maximum
    assert metric.weight >= 0
    assert metric.networked or not metric.needs


# A registry is tested by one line: the registry, and what its members must hold.
REGISTRIES: tuple[tuple[Registry[Any], Callable[[Any], None]], ...] = (
    (FAMILIES, check_family),
    (CONTROLS, check_control),
    (METRICS, check_metric),
)


MEMBERS = [
    pytest.param(registry, name, contract, id=f"{registry.package}.{name}")
    for registry, contract in REGISTRIES
    for name in registry
]


@pytest.mark.parametrize(("registry", "name", "contract"), MEMBERS)
def test_each_member_holds_its_contract(registry: Registry[Any], name: str, contract: Callable[[Any], None]):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    contract(registry[name])


@pytest.mark.parametrize("registry", [registry for registry, _ in REGISTRIES], ids=lambda r: r.package)
def test_the_contract_itself_is_no_member(registry: Registry[Any]):
    assert "base" not in registry
    assert len(registry) == len(list(registry)) > 0
    with pytest.raises(KeyError):
        registry["base"]


@pytest.mark.parametrize("registry", [registry for registry, _ in REGISTRIES], ids=lambda r: r.package)
def test_members_differ_in_name(registry: Registry[Any]):
    names = [getattr(member, "name", key) for key, member in registry.items()]
    assert len(set(names)) == len(names)
