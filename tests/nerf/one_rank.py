"""One of the two processes of test_distributed.py: python one_rank.py RANK PORT OUTPUT."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).parent))
from conftest import rays, tiny_model


def main(rank: int, port: int, output: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    model = tiny_model()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    wrapped = DistributedDataParallel(model, find_unused_parameters=True)  # as nerfstudio's VanillaPipeline does
    optimizers = [torch.optim.Adam(params, lr=1e-2) for params in model.get_param_groups().values()]
    model.train()
    switch = {}
    for step in range(6):
        for optimizer in optimizers:
            optimizer.zero_grad()
        if step == 3:
            model.set_stage(2)
            switch = {name: value.clone() for name, value in model.state_dict().items()}
        batch = {
            "image": torch.full((20, 3), 0.2 + 0.5 * rank),
            "semantics": torch.full((20, 1), rank, dtype=torch.uint8),
        }
        losses = model.get_loss_dict(wrapped(rays(seed=10 * step + rank)), batch)
        sum(losses.values()).backward()
        for optimizer in optimizers:
            if any(p.grad is not None for group in optimizer.param_groups for p in group["params"]):
                optimizer.step()
    torch.save({"start": start, "switch": switch, "end": model.state_dict()}, output)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
