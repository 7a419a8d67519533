"""check_export.py WEIGHTS.safetensors RUN FORECAST.nc DATA.nc: loads exported weights into timm's VisionTransformer with strict=True,
makes the first step of the forecast with timm's blocks, and compares it with the file that seqvit wrote. Knows one variable,
joint tokens, predicted tendencies."""
import json
import sys

import netCDF4
import numpy as np
import torch
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer

PATCH, HEADS = 5, 4
weights_path, run, forecast_path, data_path = sys.argv[1:]
weights = load_file(weights_path)
encoder = {name: value for name, value in weights.items() if not name.startswith("seqvit.")}
own = {name.removeprefix("seqvit."): value for name, value in weights.items() if name.startswith("seqvit.")}
width, depth = encoder["norm.weight"].numel(), 1 + max(int(name.split(".")[1]) for name in encoder if name.startswith("blocks."))

timm_model = VisionTransformer(img_size=25, patch_size=PATCH, embed_dim=width, depth=depth, num_heads=HEADS).eval()
model = torch.nn.ModuleDict({"blocks": timm_model.blocks, "norm": timm_model.norm})
print(model.load_state_dict(encoder, strict=True))

forecast, data = netCDF4.Dataset(forecast_path), netCDF4.Dataset(data_path)
time = data["time"]
moments = json.load(open(run + "/normalization.json"))
mean, std = moments["variables"]["air"]["mean"], moments["variables"]["air"]["std"]


def condition(date):
    day = 2 * np.pi * (date.hour / 24 + date.minute / 1440)
    start, end = date.replace(month=1, day=1, hour=0), date.replace(year=date.year + 1, month=1, day=1, hour=0)
    year = 2 * np.pi * ((date - start) / (end - start))
    return torch.tensor([[np.sin(day), np.cos(day), np.sin(year), np.cos(year)]], dtype=torch.float32)


def predict(field, date):
    """The normalised tendency of a field [Y, X]."""
    rows, columns = field.shape
    padded = torch.nn.functional.pad(field, (0, -columns % PATCH, 0, -rows % PATCH))
    up, across = padded.shape[0] // PATCH, padded.shape[1] // PATCH
    patches = padded.view(up, PATCH, across, PATCH).transpose(1, 2).reshape(1, up * across, -1)
    x = torch.nn.functional.linear(patches, own["patch_embed.proj.weight"], own["patch_embed.proj.bias"]) + own["pos_embed"]
    x = x + torch.nn.functional.linear(condition(date), own["condition.weight"], own["condition.bias"]).unsqueeze(1)
    for block in model["blocks"]:
        x = block(x)
    out = torch.nn.functional.linear(model["norm"](x), own["head.weight"], own["head.bias"])
    return out.view(up, across, PATCH, PATCH).transpose(1, 2).reshape(padded.shape)[:rows, :columns]


dates = netCDF4.num2date(time[:], time.units, getattr(time, "calendar", "standard"))
initial = netCDF4.num2date(forecast["init_time"][0], forecast["init_time"].units, getattr(forecast["init_time"], "calendar", "standard"))
index = list(dates).index(initial)
state = torch.tensor(np.asarray(data["air"][index], dtype=np.float64))
with torch.no_grad():
    tendency = predict(((state - mean) / std).float(), initial).double()
    expected = state + tendency * moments["tendencies"]["air"]["std"] + moments["tendencies"]["air"]["mean"]
found = torch.tensor(np.asarray(forecast["air"][0, 0], dtype=np.float64))
change, difference = (expected - state).abs().mean().item(), (expected - found).abs().max().item()
print(f"mean change in a step {change:.3g}, largest difference between timm and seqvit {difference:.3g}")
sys.exit(0 if difference < 1e-3 * change else 1)
