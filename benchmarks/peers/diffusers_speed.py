"""How fast a plain PyTorch loop with diffusers' scheduler trains and acts: see benchmarks/diffusion_speed.py."""

import sys
import time
from itertools import pairwise
from statistics import median

import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.training_utils import EMAModel

OBS, ACT, COUNT, FEATURES = 20, 8, 50_000, 64


class Denoiser(torch.nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        sizes = [FEATURES + ACT + 16, *[width] * depth]
        self.features = torch.nn.Linear(OBS, FEATURES)
        hidden = [part for pair in pairwise(sizes) for part in (torch.nn.Linear(*pair), torch.nn.ReLU())]
        self.layers = torch.nn.Sequential(*hidden, torch.nn.Linear(width, ACT))
        self.register_buffer("frequencies", torch.pi * 2.0 ** torch.arange(8))

    def forward(self, obs, noisy, step):
        angles = (step[:, None] + 1) / 100.0 * self.frequencies
        return self.layers(torch.cat([self.features(obs), noisy, angles.sin(), angles.cos()], dim=1))


def main() -> None:
    what, width, depth, batch = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    net = Denoiser(width, depth)
    print(f"PyTorch {what}: {acting(net) if what == 'act' else training(net, batch):,.1f}")


def training(net: Denoiser, batch: int) -> float:
    obs, actions = torch.randn(COUNT, OBS), torch.tanh(torch.randn(COUNT, ACT))
    scheduler = DDPMScheduler(100, beta_schedule="squaredcos_cap_v2")
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0)
    average = EMAModel(net.parameters(), power=0.75)

    def step() -> None:
        rows = torch.randint(0, COUNT, (batch,))
        clean, at = actions[rows], torch.randint(0, 100, (batch,))
        noise = torch.randn_like(clean)
        loss = torch.nn.functional.mse_loss(net(obs[rows], scheduler.add_noise(clean, noise, at), at), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.step(net.parameters())

    count = 300
    for _ in range(20):
        step()
    speeds = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(count):
            step()
        speeds.append(count / (time.perf_counter() - began))
    return median(speeds)


@torch.inference_mode()
def acting(net: Denoiser) -> float:
    scheduler = DDIMScheduler(100, beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing")
    scheduler.set_timesteps(10)
    obs, count = torch.zeros(1, OBS), 100

    def act() -> None:
        noisy = torch.randn(1, ACT)
        for at in scheduler.timesteps:
            noisy = scheduler.step(net(obs, noisy, at[None]), at, noisy).prev_sample

    act()
    began = time.perf_counter()
    for _ in range(count):
        act()
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
