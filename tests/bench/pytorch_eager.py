"""pytorch_eager.py BENCH_STEP fp32|bf16 [cpu|cuda]: the same GPT in PyTorch eager (SDPA, fused AdamW), block about with ours."""

import json
import os
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

B, T, V, L, D, H = 16, 256, 65, 6, 384, 6
BLOCK_STEPS, BLOCKS = 2, 7


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        self.up, self.down = nn.Linear(D, 4 * D, bias=False), nn.Linear(4 * D, D, bias=False)

    def forward(self, x):
        q, k, v = (t.view(B, T, H, D // H).transpose(1, 2) for t in self.qkv(self.norm1(x)).split(D, 2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, D)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(V, D), nn.Embedding(T, D)
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(L)), nn.LayerNorm(D)

    def forward(self, tokens, targets):
        x = self.tokens(tokens) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(F.linear(self.norm(x), self.tokens.weight).view(-1, V), targets.view(-1))


def main():
    binary, dtype, device = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "cpu"
    block_steps = BLOCK_STEPS if device == "cpu" else 50
    torch.set_num_threads(os.cpu_count())
    model = Gpt().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    tokens, targets = torch.randint(V, (B, T), device=device), torch.randint(V, (B, T), device=device)

    def theirs():
        begin = time.perf_counter()
        for _ in range(block_steps):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, torch.bfloat16, enabled=dtype == "bf16"):
                loss = model(tokens, targets)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    with subprocess.Popen([binary, dtype, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        def ours():
            process.stdin.write(f"{block_steps}\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        ours(), theirs()  # warm up
        pairs = [(ours(), theirs()) for _ in range(BLOCKS)]
        process.stdin.close()
    ratios = sorted(b / a for a, b in pairs)
    tokens_per_block = block_steps * B * T
    print(json.dumps({"case": f"{device}-10m-{dtype}", "peer": f"pytorch-eager-{dtype}", "ratio": statistics.median(ratios),
                      "ratio_min": ratios[0], "ratio_max": ratios[-1],
                      "tokens_per_sec": tokens_per_block / statistics.median(a for a, _ in pairs),
                      "peer_tokens_per_sec": tokens_per_block / statistics.median(b for _, b in pairs)}))


if __name__ == "__main__":
    main()
