import pytest
import torch

from nerfseg_ns.methods import nerfseg, nerfseg_lite
from nerfseg_ns.nerf.optimizer import ConfiguredAdam, FusedAdamConfig


def stepped(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, steps: int) -> None:
    for _ in range(steps):
        parameter.grad = torch.linspace(-1.0, 1.0, 5)
        optimizer.step()


@pytest.mark.parametrize("fused", [True, False])
def test_a_checkpoint_does_not_choose_the_implementation(fused: bool) -> None:
    parameter = torch.nn.Parameter(torch.zeros(5))
    reference = torch.optim.Adam([parameter], lr=0.1, fused=not fused)
    stepped(reference, parameter, 2)

    resumed = torch.nn.Parameter(parameter.detach().clone())
    optimizer = FusedAdamConfig(lr=0.1, eps=1e-8, fused=fused).setup([resumed])
    optimizer.load_state_dict(reference.state_dict())
    assert isinstance(optimizer, ConfiguredAdam) and optimizer.param_groups[0]["fused"] is fused

    stepped(reference, parameter, 3)
    stepped(optimizer, resumed, 3)
    torch.testing.assert_close(resumed, parameter)


def test_every_group_of_the_methods_is_fused() -> None:
    for method in (nerfseg, nerfseg_lite):
        for group in method.config.optimizers.values():
            assert group["optimizer"].setup([torch.nn.Parameter(torch.zeros(2))]).param_groups[0]["fused"] is True
