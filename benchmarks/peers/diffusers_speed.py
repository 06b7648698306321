"""How fast PyTorch with the schedulers of `diffusers` trains and samples what `benchmarks/diffusion_speed.py` does.

python benchmarks/peers/diffusers_speed.py train|act [WIDTH] [DEPTH] [THREADS]
"""

import copy
import sys
import time
from itertools import pairwise
from statistics import median

import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import nn

OBS, ACTION, FEATURES, BATCH, ROWS = 10, 4, 64, 256, 10_000


class Denoiser(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.features = nn.Linear(OBS, FEATURES)
        sizes = (FEATURES + ACTION + 16, *hidden, ACTION)
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.GELU(approximate="tanh"))]
        self.layers = nn.Sequential(*layers[:-1])
        self.register_buffer("frequencies", torch.pi * 2.0 ** torch.arange(8))

    def forward(self, obs, noisy, step):
        angles = ((step + 1) / 100)[:, None] * self.frequencies
        return self.layers(torch.cat([self.features(obs), noisy, angles.sin(), angles.cos()], 1))


def main():
    mode, *given = sys.argv[1:]
    width, depth, threads = (int(one) for one in (*given, *("256", "3", "1")[len(given) :]))
    torch.set_num_threads(threads)
    model = Denoiser((width,) * depth)
    work, count = {"train": trainer, "act": actor}[mode](model)
    work()
    speeds = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        speeds.append(count / (time.perf_counter() - began))
    print(f"diffusers {mode}: {median(speeds):,.1f}")


def trainer(model):
    scheduler = DDPMScheduler(100, beta_schedule="squaredcos_cap_v2")
    obs, actions = torch.randn(ROWS, OBS), torch.rand(ROWS, ACTION) * 2 - 1
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.0)
    average = list(copy.deepcopy(model).parameters())
    weights, taken = list(model.parameters()), 0

    def work():
        nonlocal taken
        for _ in range(200):
            rows, step = torch.randint(ROWS, (BATCH,)), torch.randint(100, (BATCH,))
            clean = actions[rows]
            noise = torch.randn_like(clean)
            predicted = model(obs[rows], scheduler.add_noise(clean, noise, step), step)
            optimizer.zero_grad()
            nn.functional.mse_loss(predicted, noise).backward()
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, weights, 1 - min(1 - (1 + taken) ** -0.75, 0.9999))
            taken += 1

    return work, 200


def actor(model):
    scheduler = DDIMScheduler(100, beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing")
    scheduler.set_timesteps(10)
    obs = torch.zeros(1, OBS)

    @torch.inference_mode()
    def work():
        for _ in range(50):
            noisy = torch.randn(1, ACTION)
            for step in scheduler.timesteps:
                noisy = scheduler.step(model(obs, noisy, step[None]), step, noisy).prev_sample
            noisy.numpy()

    return work, 50


if __name__ == "__main__":
    main()
