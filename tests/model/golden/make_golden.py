"""Golden values for tests/model/golden_test.cpp and tests/optim/adamw_golden_test.cpp, from PyTorch's own Python.

    .deps/peers/bin/python tests/model/golden/make_golden.py           writes golden.json beside this script
    .deps/peers/bin/python tests/model/golden/make_golden.py --check   compares it with what PyTorch says now

The models are written here from torch.nn.functional alone; none of our code runs. Every value is computed in float64;
"float32" holds PyTorch's own distance from it in float32, which is what rounding does there. Weights and gradients
follow an integer formula (`formula`), so that the file need not hold them and both languages get the same bits.
"""

import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

FILE = pathlib.Path(__file__).with_name("golden.json")
GELU = {"tanh": lambda x: F.gelu(x, approximate="tanh"), "erf": F.gelu}
ACTIVATIONS = {  # name -> (function, whether it gates)
    "swiglu": (F.silu, True),
    "geglu": (GELU["tanh"], True),
    "geglu_erf": (GELU["erf"], True),
    "reglu": (F.relu, True),
    "silu": (F.silu, False),
    "gelu": (GELU["tanh"], False),
    "gelu_erf": (GELU["erf"], False),
    "relu": (F.relu, False),
    "relu2": (lambda x: F.relu(x) ** 2, False),
}

BASE = dict(num_layers=2, d_model=12, num_heads=4, num_kv_heads=4, head_dim=6, d_ff=20, vocab_size=19, seq_len=10,
            norm="layernorm", position="learned", activation="gelu", attention_bias=True, mlp_bias=True,
            tie_embeddings=True, norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None)
LLAMA = BASE | dict(norm="rmsnorm", position="rope", activation="swiglu", attention_bias=False, mlp_bias=False,
                    num_kv_heads=2, tie_embeddings=False)
# Llama 3.1's form of stretched frequencies, at a scale at which 3 pairs see all of it: kept, blended, divided.
SCALING = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=160)
MODELS = {
    "gpt2": (BASE, {}),
    "llama": (LLAMA, {}),
    "llama3": (LLAMA | dict(activation="geglu_erf", attention_bias=True, tie_embeddings=True, rope_theta=1000.0,
                            rope_scaling=SCALING, norm_eps=1e-3), {}),
    "documents": (BASE | dict(activation="relu2", num_kv_heads=1, attention_bias=False),
                  dict(segments=[[0] * 3 + [1] * 4 + [2], [4] * 5 + [5] * 3], ignored=(2, 6, 7, 11))),
    "mixed": (LLAMA | dict(num_layers=1, norm="layernorm", activation="gelu_erf", mlp_bias=True, num_kv_heads=1,
                           norm_eps=1e-2), {}),
}

# lr, beta1, beta2, eps, weight_decay, and the norm to which gradients are clipped (0: not)
ADAMW = {
    "defaults of the platform": (3e-4, 0.9, 0.95, 1e-8, 0.1, 0.0),
    "PyTorch's defaults": (1e-3, 0.9, 0.999, 1e-8, 1e-2, 0.0),
    "no decay": (1e-2, 0.9, 0.95, 1e-8, 0.0, 0.0),
    "large eps": (1e-1, 0.9, 0.99, 0.5, 0.1, 0.0),
    "large decay": (1e-2, 0.8, 0.9, 1e-6, 5.0, 0.0),
    "no memory": (1e-2, 0.0, 0.0, 1e-3, 0.1, 0.0),
    "clipped": (1e-2, 0.9, 0.95, 1e-3, 0.1, 0.5),
    "clipped at times": (1e-2, 0.5, 0.95, 1e-1, 0.1, 2.5),
}
# Matrices decay, vectors do not; "resting" has no gradient on every third step.
TENSORS = {"matrix": (2, 3), "vector": (4,), "resting.matrix": (2, 2)}
KEPT_STEPS = (1, 2, 5, 10)
MAX_NORMS = (0.01, 0.5, 1.0, 3.0, 1e9)


def formula(name, count, scale):
    """scale * (a number from -1/2 to 1/2) for each position: integers, one division, one product."""
    offset = sum((i + 1) * byte for i, byte in enumerate(name.encode()))
    return [(((31 * i * i + 7919 * i + 104729 * offset) % 10007) / 10007 - 0.5) * scale for i in range(count)]


def shapes(s):
    d, q, kv, ff = s["d_model"], s["num_heads"] * s["head_dim"], s["num_kv_heads"] * s["head_dim"], s["d_ff"]
    out = {"embed.weight": (s["vocab_size"], d)}
    if s["position"] == "learned":
        out["pos_embed.weight"] = (s["seq_len"], d)

    def norm(name):
        out[name + ".weight"] = (d,)
        if s["norm"] == "layernorm":
            out[name + ".bias"] = (d,)

    def linear(name, rows, columns, bias):
        out[name + ".weight"] = (rows, columns)
        if bias:
            out[name + ".bias"] = (rows,)

    for i in range(s["num_layers"]):
        norm(f"layers.{i}.norm1")
        for part, rows, columns in (("q", q, d), ("k", kv, d), ("v", kv, d), ("o", d, q)):
            linear(f"layers.{i}.attn.{part}", rows, columns, s["attention_bias"])
        norm(f"layers.{i}.norm2")
        for part, rows, columns in (("gate", ff, d), ("up", ff, d), ("down", d, ff)):
            if part != "gate" or ACTIVATIONS[s["activation"]][1]:
                linear(f"layers.{i}.mlp.{part}", rows, columns, s["mlp_bias"])
    norm("final_norm")
    if not s["tie_embeddings"]:
        out["lm_head.weight"] = (s["vocab_size"], d)
    return out


def weights(s, dtype):
    out = {}
    for name, shape in shapes(s).items():
        values = torch.tensor(formula(name, math.prod(shape), 1.2), dtype=torch.float64).view(shape)
        if "norm" in name and name.endswith(".weight"):
            values = values + 1
        out[name] = values.to(torch.float32).to(dtype).requires_grad_()
    return out


def turned(s, x):
    """Rotary positions as complex numbers. x: [B, H, T, C]."""
    half, positions = s["head_dim"] // 2, torch.arange(x.shape[2], dtype=torch.float64)
    frequency = s["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
    scaling = s["rope_scaling"]
    if scaling:
        wavelength, context = 2 * math.pi / frequency, scaling["original_max_position_embeddings"]
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        smooth = (context / wavelength - low) / (high - low)
        blended = (1 - smooth) * frequency / scaling["factor"] + smooth * frequency
        blended = torch.where(wavelength > context / low, frequency / scaling["factor"], blended)
        frequency = torch.where(wavelength < context / high, frequency, blended)
    angles = torch.polar(torch.ones(len(positions), half, dtype=torch.float64), torch.outer(positions, frequency))
    pairs = torch.complex(x[..., :half].contiguous(), x[..., half:].contiguous())
    pairs = pairs * angles.to(pairs.dtype)
    return torch.cat([pairs.real, pairs.imag], -1)


def logits_of(s, w, tokens, segments):
    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    def norm(x, name):
        if s["norm"] == "rmsnorm":
            return F.rms_norm(x, (s["d_model"],), w[name + ".weight"], s["norm_eps"])
        return F.layer_norm(x, (s["d_model"],), w[name + ".weight"], w[name + ".bias"], s["norm_eps"])

    def heads(x, count):
        return x.unflatten(-1, (count, s["head_dim"])).transpose(1, 2)

    h = F.embedding(tokens, w["embed.weight"])
    length = tokens.shape[1]
    mask = torch.ones(length, length, dtype=torch.bool).tril().expand(len(tokens), 1, length, length)
    positions = torch.arange(length).expand(len(tokens), length)
    if segments is not None:
        mask = mask & (segments[:, None, :, None] == segments[:, None, None, :])
        positions = torch.tensor([[row[:t].tolist().count(row[t]) for t in range(length)] for row in segments])
    if s["position"] == "learned":
        h = h + w["pos_embed.weight"][positions]
    for i in range(s["num_layers"]):
        x = norm(h, f"layers.{i}.norm1")
        q = heads(linear(x, f"layers.{i}.attn.q"), s["num_heads"])
        k, v = (heads(linear(x, f"layers.{i}.attn.{part}"), s["num_kv_heads"]) for part in "kv")
        if s["position"] == "rope":
            q, k = turned(s, q), turned(s, k)
        k, v = (part.repeat_interleave(s["num_heads"] // s["num_kv_heads"], 1) for part in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        h = h + linear(mixed, f"layers.{i}.attn.o")
        y = norm(h, f"layers.{i}.norm2")
        function, gates = ACTIVATIONS[s["activation"]]
        up = linear(y, f"layers.{i}.mlp.up")
        hidden = function(linear(y, f"layers.{i}.mlp.gate")) * up if gates else function(up)
        h = h + linear(hidden, f"layers.{i}.mlp.down")
    return F.linear(norm(h, "final_norm"), w["embed.weight" if s["tie_embeddings"] else "lm_head.weight"])


def run_model(s, extra, dtype):
    w = weights(s, dtype)
    numbers = torch.arange(2 * 8)
    tokens = ((numbers * numbers + 3 * numbers) % s["vocab_size"]).view(2, 8)
    targets = ((5 * numbers + 2) % s["vocab_size"]).view(2, 8)
    for place in extra.get("ignored", ()):
        targets.view(-1)[place] = -1
    segments = torch.tensor(extra["segments"]) if "segments" in extra else None
    logits = logits_of(s, w, tokens, segments)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
    loss.backward()
    return tokens, targets, logits.detach(), loss.item(), {name: value.grad for name, value in w.items()}


def relative_distance(grad32, grad):
    """Of the largest entry; of 1e-2 where all are smaller (keys' biases have none under learned positions)."""
    return (grad32.double() - grad).abs().max().item() / max(1e-2, grad.abs().max().item())


def model_values(s, extra):
    tokens, targets, logits, loss, grads = run_model(s, extra, torch.float64)
    _, _, logits32, loss32, grads32 = run_model(s, extra, torch.float32)
    gradients = {}
    for name, grad in grads.items():
        flat = grad.flatten()
        places = sorted({0, flat.numel() - 1, flat.abs().argmax().item()})
        gradients[name] = {"norm": grad.norm().item(), "entries": {str(i): flat[i].item() for i in places}}
    return {
        "spec": s, "tokens": tokens.tolist(), "targets": targets.tolist(), "segments": extra.get("segments", []),
        "loss": loss, "logits": logits.flatten().tolist(), "gradients": gradients,
        "float32": {
            "loss": abs(loss32 - loss), "logits": (logits32.double() - logits).abs().max().item(),
            "gradients": max(relative_distance(grads32[name], grad) for name, grad in grads.items()),
        },
    }  # fmt: skip


def optimizer_run(lr, beta1, beta2, eps, weight_decay, max_norm, dtype):
    params = {name: torch.nn.Parameter(torch.tensor(formula(name, math.prod(shape), 2.0), dtype=torch.float64)
                                       .to(torch.float32).to(dtype).view(shape)) for name, shape in TENSORS.items()}
    groups = [{"params": [p for p in params.values() if p.dim() >= 2], "weight_decay": weight_decay},
              {"params": [p for p in params.values() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(beta1, beta2), eps=eps)
    norms, kept = [], {}
    for step in range(1, max(KEPT_STEPS) + 1):
        for name, param in params.items():
            resting = name.startswith("resting") and step % 3 == 0
            values = formula(f"{name} at {step}", param.numel(), float(step % 4 + 1))
            grad = torch.tensor(values, dtype=torch.float64).to(torch.float32).to(dtype).view_as(param)
            param.grad = None if resting else grad
        if max_norm > 0:
            norms.append(torch.nn.utils.clip_grad_norm_(params.values(), max_norm).item())
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / 20)
        optimizer.step()
        if step in KEPT_STEPS:
            kept[step] = {name: param.detach().flatten().tolist() for name, param in params.items()}
    return norms, kept


def optimizer_values(row):
    norms, kept = optimizer_run(*row, torch.float64)
    _, kept32 = optimizer_run(*row, torch.float32)
    distance = max(abs(a - b) for step in kept for name in TENSORS
                   for a, b in zip(kept[step][name], kept32[step][name]))
    names = ("lr", "beta1", "beta2", "eps", "weight_decay", "max_norm")
    steps = {str(step): values for step, values in kept.items()}
    return dict(zip(names, row)) | {"norms": norms, "steps": steps, "float32": distance}


def clip_values(max_norm):
    params = [torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in TENSORS.values()]
    for name, param in zip(TENSORS, params):
        param.grad = torch.tensor(formula(name, param.numel(), 2.0), dtype=torch.float64).view_as(param)
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm).item()
    return {"max_norm": max_norm, "norm": norm,
            "gradients": {name: param.grad.flatten().tolist() for name, param in zip(TENSORS, params)}}


def everything():
    return {
        "origin": f"PyTorch {torch.__version__}; .deps/peers/bin/python tests/model/golden/make_golden.py",
        "models": {name: model_values(*case) for name, case in MODELS.items()},
        "adamw": {name: optimizer_values(row) for name, row in ADAMW.items()},
        "clip": [clip_values(max_norm) for max_norm in MAX_NORMS],
    }


def rounded(values):
    """Every number to 13 digits: ten times finer than what the tests ask of float64."""
    if isinstance(values, dict):
        return {key: rounded(value) for key, value in values.items()}
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return float(f"{values:.13g}") if isinstance(values, float) else values


def as_text(values):
    """JSON with one line a value of the second level, so that a change shows where it is."""
    def entries(group):
        if isinstance(group, list):
            return "[\n" + ",\n".join(json.dumps(value) for value in group) + "\n]"
        return "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in group.items()) + "\n}"

    return "{\n" + ",\n".join(f'"{key}": {entries(group) if key != "origin" else json.dumps(group)}'
                              for key, group in values.items()) + "\n}\n"  # fmt: skip


def differences(stored, now, place=""):
    """Places at which two trees differ, numbers by more than 1e-11; rounding of float32 is the machine's own."""
    if isinstance(now, dict) and isinstance(stored, dict) and now.keys() == stored.keys():
        keys = now.keys() - {"origin", "float32"}
        return [found for key in keys for found in differences(stored[key], now[key], f"{place}/{key}")]
    if isinstance(now, list) and isinstance(stored, list) and len(now) == len(stored):
        return [found for i, value in enumerate(now) for found in differences(stored[i], value, f"{place}/{i}")]
    if isinstance(now, float) and isinstance(stored, float):
        return [] if abs(now - stored) <= 1e-11 * max(1, abs(now)) else [f"{place}: {stored} was stored, now {now}"]
    return [] if now == stored else [f"{place}: differs"]


if __name__ == "__main__":
    torch.set_num_threads(1)
    made = everything()
    if "--check" in sys.argv[1:]:
        found = differences(json.loads(FILE.read_text()), json.loads(json.dumps(made)))
        print("\n".join(found) or f"{FILE.name} agrees with PyTorch {torch.__version__}")
        sys.exit(1 if found else 0)
    FILE.write_text(as_text(rounded(made)))
    print(f"{FILE}: {FILE.stat().st_size} bytes")
