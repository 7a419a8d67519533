"""The training step of a plain ViT encoder as Python programs make it: what `seqvit bench` is compared with.

    python bench/peers.py --method compile --tokens 16384 --precision bf16

Methods: `torch` (eager PyTorch), `compile` (torch.compile), `checkpoint` (every block under activation checkpointing), `ulysses` and
`ulysses_checkpoint` (DeepSpeed-Ulysses over `--ranks` processes that talk through gloo). Attention is PyTorch's flash kernel for CPUs;
threads are those of OMP_NUM_THREADS, shared by the ranks. One line of JSON: the median step without the first two, in seconds, and the
growth of resident memory over that of the process with everything imported, in bytes, both over all ranks (slowest; sum).

`--phantom` leaves attention out but keeps all that it would keep: memory of sequences that would take days. `--run RUN` trains the model
of a run of ours, as python/seqvit.py writes it down, on batches taken from fields in memory; methods `torch` and `compile` only.

Needs torch; deepspeed for the ranks; safetensors for a run.
"""
import argparse
import functools
import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional


class PhantomAttention(torch.autograd.Function):
    """As much memory as flash attention, forward and backward, and no work."""

    @staticmethod
    def forward(ctx, q, k, v):
        out = torch.empty_like(q)
        ctx.save_for_backward(q, k, v, out, torch.empty(q.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx, grad):
        return tuple(torch.zeros_like(x) for x in ctx.saved_tensors[:3])


class Attention(nn.Module):
    """[batch, tokens, heads, width of a head], as DeepSpeed hands it over."""

    def __init__(self, phantom):
        super().__init__()
        self.kernel = PhantomAttention.apply if phantom else functional.scaled_dot_product_attention

    def forward(self, q, k, v, *_):
        return self.kernel(*(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)


class EncoderBlock(nn.Module):
    def __init__(self, width, heads, attend):
        super().__init__()
        self.heads, self.attend = heads, attend
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        qkv = self.to_qkv(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        x = x + self.projection(self.attend(*qkv.unbind(2)).flatten(2))
        return x + self.mlp(self.mlp_norm(x))


class Vit(nn.Module):
    def __init__(self, options, attend):
        super().__init__()
        self.blocks = nn.ModuleList(EncoderBlock(options.width, options.heads, attend) for _ in range(options.depth))
        self.head = nn.Sequential(nn.LayerNorm(options.width), nn.Linear(options.width, 64))
        self.checkpoint = options.method.endswith("checkpoint")

    def forward(self, x):
        for block in self.blocks:
            x = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False) if self.checkpoint else block(x)
        return self.head(x)


def around(fields, reach, periodic):
    """seqvit.Model.around without torch's padding, whose gradient torch.compile (2.11) gets wrong on CPUs."""
    def edges(t, dim, again):
        first, last = t.narrow(dim, 0, 1), t.narrow(dim, -1, 1)
        return [t.narrow(dim, -reach, reach), t, t.narrow(dim, 0, reach)] if again else [first] * reach + [t] + [last] * reach

    return torch.cat(edges(torch.cat(edges(fields, -1, periodic), -1), -2, False), -2)


class OfRun(nn.Module):
    """The newest model of a run and as many fields as a year of 6-hourly ones; what python/seqvit.py makes anew at each call is made once."""

    def __init__(self, run, batch, compiles):
        super().__init__()
        sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
        import seqvit

        self.model = model = seqvit.load(max((Path(run) / "checkpoints").glob("step-*")))
        model.weights = {name: nn.Parameter(weight.float()) for name, weight in model.weights.items()}
        self.own = nn.ParameterList(model.weights.values())
        model.angles = functools.cache(model.angles)
        if "pos_embed" not in model.weights:
            model.positions = functools.cache(model.positions)
        if compiles:
            model.around = lambda fields, reach: around(fields, reach, model.description["periodic"])
        told = model.weights["condition.weight"].shape[1] if "condition.weight" in model.weights else 0
        self.conditions, self.fields = torch.randn(batch, told), torch.randn(1460, len(model.inputs), model.rows, model.columns)

    def batch(self):
        first = torch.randint(len(self.fields) - 4, (len(self.conditions),))
        return self.fields[first], self.fields[first + 4, :len(self.model.targets)]

    def forward(self, fields):
        return self.model.predict(fields, self.conditions)


def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def distributed_attention(rank, ranks, phantom):
    import deepspeed
    from deepspeed.sequence.layer import DistributedAttention

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517", RANK=str(rank), LOCAL_RANK=str(rank),
                      WORLD_SIZE=str(ranks))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=ranks)
    deepspeed.init_distributed("gloo")
    spread = DistributedAttention(Attention(phantom), torch.distributed.group.WORLD, scatter_idx=2, gather_idx=1)
    return lambda q, k, v: spread(q.contiguous(), k.contiguous(), v.contiguous(), 0)


def sum_gradients(parameters, ranks):
    """One all-reduce of the flat gradient."""
    flat = nn.utils.parameters_to_vector([p.grad for p in parameters])
    torch.distributed.all_reduce(flat)
    nn.utils.vector_to_parameters(flat / ranks, [p.grad for p in parameters])


def train(rank, ranks, options, results):
    torch.manual_seed(1)
    torch.set_num_threads(max(1, options.threads // ranks))
    attend = distributed_attention(rank, ranks, options.phantom) if ranks > 1 else Attention(options.phantom)
    start = resident()
    model = OfRun(options.run, options.batch, options.method == "compile") if options.run else Vit(options, attend)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    forward = torch.compile(model) if options.method == "compile" else model
    tokens = options.tokens // ranks
    same = torch.randn(1, tokens, options.width), torch.randn(1, tokens, 64)
    batch = model.batch if options.run else lambda: same
    seconds = []
    for _ in range(options.steps):
        begin = time.perf_counter()
        x, target = batch()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            loss = functional.mse_loss(forward(x), target)
        loss.backward()
        if ranks > 1:
            sum_gradients(list(model.parameters()), ranks)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - begin)
    results.put((statistics.median(seconds[2:] or seconds), resident() - start))
    if ranks > 1:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="torch",
                        choices=("torch", "compile", "checkpoint", "ulysses", "ulysses_checkpoint"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    for name, value in {"tokens": 4096, "width": 384, "depth": 4, "heads": 6, "steps": 5, "ranks": 2}.items():
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--phantom", action="store_true")
    parser.add_argument("--run")
    parser.add_argument("--batch", type=int, default=8, help="samples a step, with --run")
    options = parser.parse_args()
    options.threads = torch.get_num_threads()
    ranks = options.ranks if options.method.startswith("ulysses") else 1
    results = torch.multiprocessing.get_context("spawn").SimpleQueue()
    torch.multiprocessing.spawn(train, (ranks, options, results), nprocs=ranks)
    seconds, growth = zip(*(results.get() for _ in range(ranks)))
    print(json.dumps({"method": options.method, "tokens": options.tokens, "precision": options.precision, "ranks": ranks,
                      "seconds_per_step": max(seconds), "memory_growth_bytes": sum(growth)}))


if __name__ == "__main__":
    main()
