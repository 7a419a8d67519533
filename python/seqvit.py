"""Models of seqvit in PyTorch: reads a checkpoint of any mesh, or a file of `seqvit export`, and predicts what the program predicts.
Needs torch and safetensors, nothing else.

    import seqvit
    model = seqvit.load("runs/a/checkpoints/best")          # or seqvit.load("weights.safetensors")
    next_fields = model.forecast(fields, date)              # physical units: [V, Y, X] -> [T, Y, X], one lead time ahead
    tokens = model.encode(model.embed(inputs, conditions))  # [B, N, D], for whatever else is to be made of them
    members = [model.forecast(fields, date) for _ in range(10)]  # of a model trained with train.loss=crps: each draws its own noise

On cores that other work shares, set GOMP_SPINCOUNT=3000 before torch is imported, as the program does of itself: threads that wait then
soon sleep (docs/performance.md).

Dims: B samples, V inputs (variables, then static fields: `model.inputs`), T targets (`model.targets`), Y X rows and columns of the grid,
Z numbers of noise, S patches, p points along a patch (q along the window that reaches half a patch into its neighbours), K tokens a patch, N = S K tokens (those of a patch side by side), D width, H heads.
"""
import json
import math
from pathlib import Path

import torch
from safetensors import safe_open
from torch.nn.functional import conv2d, fold, gelu, layer_norm, linear, pad, scaled_dot_product_attention, unfold


def load(path):
    """The model in a checkpoint directory (RUN/checkpoints/best or step-NNNNNNNN, inside its run) or in a file of `seqvit export`."""
    path = Path(path)
    if path.is_dir():
        run = path.parent.parent
        description = json.loads((run / "manifest.json").read_text())["model"]
        return Model(read_checkpoint(path), description, json.loads((run / "normalization.json").read_text()))
    with safe_open(path, "pt") as file:
        weights = {name.removeprefix("seqvit."): file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    return Model(weights, json.loads(metadata["seqvit.model"]), json.loads(metadata["seqvit.normalization"]))


def read_checkpoint(directory, raw=False):
    """{name: weight}, put together from the shares of all ranks that index.json lists: their moving average where there is one, unless `raw`."""
    index = json.loads((Path(directory) / "index.json").read_text())
    files = {name: safe_open(Path(directory) / name, "pt") for name in index["files"]}
    weights, missing = {}, {}
    part = "weight" if raw or all(piece["part"] != "ema" for piece in index["tensors"]) else "ema"
    for piece in index["tensors"]:
        if piece["part"] != part:
            continue
        name, values = piece["name"], files[piece["file"]].get_tensor(piece["key"]).flatten()
        if name not in weights:
            weights[name] = torch.empty(piece["shape"], dtype=values.dtype)
            missing[name] = weights[name].numel()
        # A rank under tensor parallelism has `size` elements from `first` on of every `stride`, and numbers those through.
        stride, first, size = piece.get("cut", [weights[name].numel(), 0, weights[name].numel()])
        own = torch.arange(piece["begin"], piece["end"])
        weights[name].view(-1)[own // size * stride + first + own % size] = values
        missing[name] -= len(own)
    if any(missing.values()):
        raise ValueError(f"{directory}: elements are missing of {[name for name, count in missing.items() if count]}")
    return weights


def phases(date):
    """What the model is told of time: sine and cosine of the time of day (UTC) and of the time of year, [4]. `date`: a datetime, or
    cftime's where the data have another calendar."""
    day = 2 * math.pi * (date.hour / 24 + date.minute / 1440 + date.second / 86400)
    start = date.replace(month=1, day=1, hour=0, minute=0, second=0)
    year = 2 * math.pi * ((date - start) / (start.replace(year=date.year + 1) - start))
    return torch.tensor([math.sin(day), math.cos(day), math.sin(year), math.cos(year)], dtype=torch.float64)


def drawn_noise(dim, seed, date, member, step=0):
    """What `seqvit forecast` draws for a member in the step that begins `step` steps after the initial `date` (train.seed: `seed`), [Z]. `date`
    in the data's calendar: cftime's where that is `standard`, since a datetime is proleptic."""
    def mix(a, b):
        z = (a + 0x9E3779B97F4A7C15 * (b + 1)) & (2**64 - 1)
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & (2**64 - 1)
        return z ^ z >> 31

    name = b"noise of a forecast"
    start = date.replace(year=1, month=1, day=1, hour=0, minute=0, second=0)
    key = mix(seed, len(name))
    for part in [*name, round((date - start).total_seconds()), member, step]:
        key = mix(key, part)

    def normal(z):
        one, other = ((mix(key, 2 * z + i) >> 11) * 2.0**-53 for i in (0, 1))
        return math.sqrt(-2 * math.log(1 - one)) * math.cos(2 * math.pi * other)

    return torch.tensor([normal(z) for z in range(dim)], dtype=torch.float64)


def sine_cosine(count, half):
    """Fixed code of `count` rows or columns of patches, [count, half]."""
    frequencies = 10000.0 ** (-torch.arange(half // 2, dtype=torch.float64) / (half // 2))
    angles = torch.arange(count, dtype=torch.float64)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def wavenumbers(count, highest):
    """Turns round the globe of `count` pairs of channels: from 1 by equal factors to the highest, each larger than the one before."""
    waves = []
    for j in range(count):
        waves.append(max(math.floor(highest ** (j / max(count - 1, 1)) + 0.5), waves[-1] + 1 if waves else 1))
    return torch.tensor(waves, dtype=torch.float64)


def insolation(date, latitude, longitude):
    """The forcing that the program computes, [Y, X] in W m-2: sunlight at the top of the atmosphere at that instant (series of Spencer, 1971)."""
    sin_day, cos_day, sin_year, cos_year = phases(date).tolist()
    year, day = math.atan2(sin_year, cos_year), math.atan2(sin_day, cos_day)

    def series(mean, *terms):
        return mean + sum(c * math.cos(n * year) + s * math.sin(n * year) for n, (c, s) in enumerate(terms, 1))

    declination = series(0.006918, (-0.399912, 0.070257), (-0.006758, 0.000907), (-0.002697, 0.00148))
    distance = series(1.00011, (0.034221, 0.00128), (0.000719, 0.000077))
    ahead = series(0.000075, (0.001868, -0.032077), (-0.014615, -0.040849))
    north = torch.deg2rad(torch.as_tensor(latitude, dtype=torch.float64))[:, None]
    hour = day + torch.deg2rad(torch.as_tensor(longitude, dtype=torch.float64))[None] + ahead - math.pi
    zenith = north.sin() * math.sin(declination) + north.cos() * math.cos(declination) * hour.cos()
    return 1361.0 * distance * zenith.clamp(min=0)


def transformed(field, transform):
    """`data.transform`: what is normalised in the place of a field; below zero counts as zero."""
    name, unit = (transform.split(" ") + ["1"])[:2]
    return {"sqrt": lambda x: x.clamp(min=0).sqrt(), "log1p": lambda x: torch.log1p(x.clamp(min=0) / float(unit))}.get(name, lambda x: x)(field)


def restored(field, transform):
    """The field that `transformed` makes this of."""
    name, unit = (transform.split(" ") + ["1"])[:2]
    return {"sqrt": lambda y: y.clamp(min=0).square(), "log1p": lambda y: float(unit) * torch.expm1(y.clamp(min=0))}.get(name, lambda y: y)(field)


class Model:
    """Weights by the program's names, and what is computed of them; on their device, in their type."""

    def __init__(self, weights, description, normalization):
        if description.get("network", "vit") != "vit":
            raise ValueError(f"a {description['network']}: only transformers are written down here")
        self.weights, self.description, self.normalization = weights, description, normalization
        self.inputs, self.targets = description["inputs"], description["targets"]
        self.groups = description.get("groups", list(range(len(self.inputs))))  # of each input: the token that it is a part of
        self.patch_size, self.heads = description["patch_size"], description["num_heads"]
        self.rows, self.columns = description["grid"]
        self.patch_rows, self.patch_columns = -(-self.rows // self.patch_size), -(-self.columns // self.patch_size)
        self.depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
        self.per_variable = description["tokens"] == "variable"
        self.leads = description.get("leads", [description["lead_time"]])

    def angles(self, width):
        """Of rotary positions: what each token's pairs of channels (j, j + width/2) turn by, [N, width/2]."""
        def of_patches(axis):  # [patches along the axis, width/4]
            centres = torch.stack([part.mean() for part in torch.tensor(self.normalization[axis], dtype=torch.float64).split(self.patch_size)])
            return torch.deg2rad((centres[:, None] * wavenumbers(width // 4, self.description["rotary_waves"])) % 360)

        rows, columns = of_patches("latitude"), of_patches("longitude")
        of_patch = torch.cat([rows.repeat_interleave(len(columns), 0), columns.repeat(len(rows), 1)], 1)
        return of_patch.repeat_interleave(self.tokens_per_patch(), 0)

    def tokens_per_patch(self):
        kind = self.description["tokens"]
        return 1 if kind == "joint" else 1 + max(self.groups) if kind == "variable" else len(self.weights["aggregation.query"])

    def query_key(self, name, t, gain):
        """Queries or keys [B, H, N, E] normalised by head, and turned by the place of their token."""
        if f"{name}.{gain}.weight" in self.weights:
            t = t * torch.rsqrt(t.square().mean(-1, keepdim=True) + 1e-6) * self.weights[f"{name}.{gain}.weight"]
        if not self.description.get("rotary_waves", 0):
            return t
        angles, (a, b) = self.angles(t.shape[-1]), t.chunk(2, -1)
        cosine, sine = angles.cos().to(t), angles.sin().to(t)
        return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)

    def linear(self, name, x):
        return linear(x, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def norm(self, name, x, scale=0, shift=0):
        """Scaled and shifted by [B, 1, D] where noise conditions it."""
        return layer_norm(x, x.shape[-1:], eps=1e-6) * (self.weights[name + ".weight"] * (1 + scale)) + self.weights[name + ".bias"] + shift

    def conditioning(self, name, noise):
        """What noise [B, Z] does to the two norms of a block: scale and shift, [B, 1, D] each."""
        if name + ".noise.fc2.weight" not in self.weights:
            return (), ()
        if noise is None:
            raise ValueError("the model draws noise: give noise, [B, noise_dim] (drawn_noise makes the program's)")
        parts = linear(gelu(self.linear(name + ".noise.fc1", noise)), self.weights[name + ".noise.fc2.weight"]).unsqueeze(1).chunk(4, -1)
        return parts[:2], parts[2:]

    def around(self, fields, reach):
        """[B, C, Y, X] with `reach` more on each side: round the globe where the grid goes round it, else the edge again."""
        across = pad(fields, (reach, reach, 0, 0), mode="circular" if self.description["periodic"] else "replicate")
        return pad(across, (0, 0, reach, reach), mode="replicate")

    def patches(self, fields):
        """[B, V, Y, X] -> [B, S, V, p p]; what hangs over the grid is zero. [B, S, V, q q] where patches overlap."""
        p, rows, columns = self.patch_size, self.patch_rows, self.patch_columns
        padded = pad(fields, (0, columns * p - self.columns, 0, rows * p - self.rows))
        if self.description.get("embed_overlap", False):
            windows = unfold(self.around(padded, p // 2), p + 2 * (p // 2), stride=p)  # [B, V q q, S]
            return windows.transpose(1, 2).unflatten(2, (fields.shape[1], -1))
        cut = padded.view(*fields.shape[:2], rows, p, columns, p).permute(0, 2, 4, 1, 3, 5)
        return cut.reshape(len(fields), rows * columns, -1, p * p)

    def fields(self, points):
        """[B, S, T, p p] -> [B, T, Y, X]; of [B, S, T, q q] the sum, where patches overlap."""
        p, rows, columns = self.patch_size, self.patch_rows, self.patch_columns
        if self.description.get("head_overlap", False):
            h, shape = p // 2, (rows * p + 2 * (p // 2), columns * p + 2 * (p // 2))
            written = fold(points.flatten(2).transpose(1, 2), shape, p + 2 * h, stride=p)[:, :, h:h + rows * p]
            fields = written[..., h:h + columns * p].clone()
            if self.description["periodic"]:
                fields[..., -h:] += written[..., :h]
                fields[..., :h] += written[..., -h:]
        else:
            fields = points.unflatten(3, (p, p)).unflatten(1, (rows, columns)).permute(0, 3, 1, 4, 2, 5).reshape(len(points), -1, rows * p, columns * p)
        return fields[..., :self.rows, :self.columns]

    def depthwise(self, name, x):
        """Tokens [B, N, D] with what the 3 x 3 tokens around each say of its channels."""
        batch, tokens, width = x.shape
        grid = x.view(batch, self.patch_rows, self.patch_columns, -1, width).permute(0, 3, 4, 1, 2).flatten(0, 1)  # tokens of a patch apart
        weight = self.weights[name + ".weight"].t().reshape(width, 1, 3, 3)
        read = conv2d(self.around(grid, 1), weight, self.weights[name + ".bias"], groups=width)
        return x + read.unflatten(0, (batch, -1)).permute(0, 3, 4, 1, 2).reshape(x.shape)

    def positions(self):
        """[S, D]"""
        if "pos_embed" in self.weights:
            return self.weights["pos_embed"]
        like = self.weights["norm.weight"]
        row, column = sine_cosine(self.patch_rows, len(like) // 2), sine_cosine(self.patch_columns, len(like) // 2)
        table = torch.cat([row.repeat_interleave(self.patch_columns, 0), column.repeat(self.patch_rows, 1)], 1)
        return table.to(like)

    def aggregate(self, tokens):
        """What learned queries read from the group tokens of each patch: [B, S, G, D] -> [B, S, K, D]."""
        batch, patches, groups, width = tokens.shape
        keys, values = (self.linear("aggregation.kv", self.norm("aggregation.norm", tokens))
                        .view(batch, patches, groups, 2, self.heads, -1).permute(3, 0, 1, 4, 2, 5))
        query = self.weights["aggregation.query"]
        query = query.view(len(query), self.heads, -1).transpose(0, 1).expand(batch, patches, -1, -1, -1)
        read = scaled_dot_product_attention(query, keys, values)
        return self.linear("aggregation.proj", read.transpose(2, 3).flatten(3))

    def conditions(self, date, lead):
        """What the model is told beside the fields: phases of the date, then a one for the lead time if it knows several, [C]."""
        of_lead = torch.tensor([float(known == lead) for known in self.leads] if len(self.leads) > 1 else [], dtype=torch.float64)
        told = torch.cat([phases(date), of_lead])
        return told[-self.weights["condition.weight"].shape[1]:] if "condition.weight" in self.weights else told[:0]

    def embed(self, inputs, conditions):
        """Normalised inputs [B, V, Y, X] (missing values: zero) and conditions [B, C] -> tokens [B, N, D]."""
        patches = self.patches(inputs)
        if self.description["tokens"] == "joint":
            tokens = self.linear("patch_embed.proj", patches.flatten(2)).unsqueeze(2)
        else:
            tokens = torch.einsum("bsvp,vdp->bsvd", patches, self.weights["variable_embed.proj.weight"])
            tokens = tokens + self.weights["variable_embed.embed"]
            of_groups = tokens.new_zeros(*tokens.shape[:2], 1 + max(self.groups), tokens.shape[3])
            tokens = of_groups.index_add(2, torch.tensor(self.groups, device=tokens.device), tokens)
        if self.description["tokens"] == "aggregated":
            tokens = self.aggregate(tokens)
        tokens = (tokens + self.positions().unsqueeze(1)).flatten(1, 2)
        return tokens + self.linear("condition", conditions).unsqueeze(1) if "condition.weight" in self.weights else tokens

    def block(self, index, x, noise=None):
        """[B, N, D] and noise [B, Z], where the model takes some -> [B, N, D]"""
        name, (batch, tokens, width) = f"blocks.{index}", x.shape
        if name + ".local.weight" in self.weights:
            x = self.depthwise(name + ".local", x)
        one, two = self.conditioning(name, noise)
        qkv = self.linear(name + ".attn.qkv", self.norm(name + ".norm1", x, *one))
        q, k, v = qkv.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = self.query_key(name + ".attn", q, "q_norm"), self.query_key(name + ".attn", k, "k_norm")
        x = x + self.linear(name + ".attn.proj", scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.linear(name + ".mlp.fc2", gelu(self.linear(name + ".mlp.fc1", self.norm(name + ".norm2", x, *two))))

    def encode(self, tokens, noise=None):
        """All blocks and the norm after them: [B, N, D] -> [B, N, D]."""
        for index in range(self.depth):
            tokens = self.block(index, tokens, noise)
        return self.norm("norm", tokens)

    def predict(self, inputs, conditions, noise=None):
        """Normalised inputs [B, V, Y, X], conditions [B, C], noise [B, Z] -> normalised targets [B, T, Y, X] (or their tendencies)."""
        tokens, layer = self.encode(self.embed(inputs, conditions), noise).unflatten(1, (self.patch_rows * self.patch_columns, -1)), 0  # [B, S, K, D]
        while f"head_layers.{layer}.weight" in self.weights:
            tokens, layer = gelu(self.linear(f"head_layers.{layer}", tokens)), layer + 1
        if self.per_variable:
            of_targets = tokens[:, :, [self.groups[self.inputs.index(target)] for target in self.targets]]
            points = torch.einsum("bstd,tpd->bstp", of_targets, self.weights["variable_head.weight"])
            points = points + self.weights["variable_head.bias"]
        else:
            points = self.linear("head", tokens.flatten(2)).unflatten(2, (len(self.targets), -1))
        return self.fields(points)

    @torch.no_grad()
    def forecast(self, fields, date, lead=None, noise=None):
        """Fields [V, Y, X] at `date` in physical units, in the order of `inputs`, NaN where missing -> targets [T, Y, X] one lead
        time later: one of `leads`, the first if not said. A model of ensembles draws `noise` [Z] if it is not given."""
        lead = lead or self.leads[0]
        if lead not in self.leads:
            raise ValueError(f"lead {lead}: the model knows {self.leads}")

        fields, like = torch.as_tensor(fields, dtype=torch.float64).clone(), self.weights["norm.weight"]
        known = self.normalization["variables"] | self.normalization["statics"]
        for index, name in enumerate(self.inputs):
            fields[index] = transformed(fields[index], known[name.split(" -")[0]].get("transform", ""))  # "air -6h" is a state before of "air"
        unseen = [self.inputs.index(name) for name in self.description.get("diagnostics", [])]
        mean, std = (torch.tensor([known[name.split(" -")[0]][key] for name in self.inputs], dtype=torch.float64)[:, None, None] for key in ("mean", "std"))
        normalised = ((fields - mean) / std).nan_to_num()
        normalised[unseen] = 0
        noise = torch.randn(self.description.get("noise_dim", 0)) if noise is None else noise
        prediction = self.predict(normalised.unsqueeze(0).to(like), self.conditions(date, lead).unsqueeze(0).to(like), noise.unsqueeze(0).to(like))[0].double().cpu()
        tendencies, forecast = "tendencies" if lead == self.leads[0] else f"tendencies {lead}", []
        for output, name in zip(prediction, self.targets):
            diagnostic = name in self.description.get("diagnostics", [])
            changes = self.description["predict"] == "tendency" and not diagnostic
            values, now = self.normalization[tendencies if changes else "variables"][name], fields[self.inputs.index(name)]
            made = output * values["std"] + values["mean"]
            field = now + made if changes else made if diagnostic else torch.where(now.isnan(), now, made)
            field = restored(field, known[name].get("transform", ""))
            low, high = self.description.get("bounds", {}).get(name, (None, None))
            forecast.append(field if low is None and high is None else field.clamp(low, high))
        return torch.stack(forecast)
