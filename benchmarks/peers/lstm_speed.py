"""How fast PyTorch trains what `benchmarks/recurrent_speed.py` does.

python benchmarks/peers/lstm_speed.py [BATCH] [THREADS]
"""

import sys
import time
from statistics import median

import torch
from torch import nn

OBS, ACTION, EPISODES, STEPS, WINDOW = 10, 4, 100, 100, 10


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.out = nn.LSTM(OBS, 64, 2, batch_first=True), nn.Linear(64, ACTION)

    def forward(self, obs):
        return self.out(self.cells(obs)[0])


def main():
    given = sys.argv[1:]
    batch, threads = (int(one) for one in (*given, *("100", "1")[len(given) :]))
    torch.set_num_threads(threads)
    policy = Policy()
    optimizer = torch.optim.AdamW(policy.parameters(), 1e-3)
    obs, actions = torch.randn(EPISODES, STEPS, OBS), torch.randn(EPISODES, STEPS, ACTION)

    def step():
        episodes = torch.randint(0, EPISODES, (batch,))
        times = torch.randint(0, STEPS - WINDOW, (batch,))[:, None] + torch.arange(WINDOW)
        loss = ((policy(obs[episodes[:, None], times]) - actions[episodes[:, None], times]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    speeds = []
    for _ in range(6):
        began = time.perf_counter()
        for _ in range(200):
            step()
        speeds.append(200 / (time.perf_counter() - began))
    print(f"torch lstm, batch {batch}: {median(speeds[1:]):,.0f}")


if __name__ == "__main__":
    main()
