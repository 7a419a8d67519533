"""check_python.py MODEL FORECAST.nc DATA.nc: makes the first steps of a forecast with python/seqvit.py and compares it with the file that
the program wrote: within 1e-5 of what the model predicts in (its standard deviation), and the rounding of the file's float32."""
import itertools
import sys

import netCDF4
import numpy as np
import seqvit
import torch

path, forecast_path, data_path = sys.argv[1:]
model = seqvit.load(path)
forecast, data = netCDF4.Dataset(forecast_path), netCDF4.Dataset(data_path)


def date_of(file, name, index):
    time = file[name]
    return netCDF4.num2date(time[index], time.units, getattr(time, "calendar", "standard"))


def field(name, index):
    if " -" in name:  # "u -6h": the state before, of files with steps of a lead time
        name, index = name.split(" -")[0], index - 1
    if name == "insolation":
        return seqvit.insolation(date_of(data, "time", index), *(np.asarray(model.normalization[axis]) for axis in ("latitude", "longitude")))
    variable = data[name]
    return np.ma.filled(np.ma.asarray(variable[index] if "time" in variable.dimensions else variable[:], np.float32), np.nan)


initial = date_of(forecast, "init_time", 0)
index = [date_of(data, "time", i) == initial for i in range(len(data["time"]))].index(True)
members = len(forecast["number"]) if "number" in forecast.dimensions else 1
differences = []
# Of forecasts that know several lead times, a step is made at one go.
for (step, lead), member in itertools.product(enumerate(model.leads), range(members)):
    noise = seqvit.drawn_noise(model.description["noise_dim"], 5, initial, member)
    found = model.forecast(np.stack([field(name, index) for name in model.inputs]), initial, lead, noise).numpy()
    tendencies = "tendencies" if step == 0 else f"tendencies {lead}"
    for target, ours in zip(model.targets, found):
        place = (0, member, step) if members > 1 else (0, step)
        whole = model.description["predict"] == "state" or target in model.description.get("diagnostics", [])
        std, state = model.normalization["variables" if whole else tendencies][target]["std"], model.normalization["variables"][target]
        # Compared as they are normalised: after their transform, whose rounding is that of the file's float32 in it.
        theirs = np.asarray(forecast[target][place], np.float64)
        above, ours, theirs, now = (seqvit.transformed(torch.as_tensor(x, dtype=torch.float64), state.get("transform", "")).numpy()
                                    for x in (np.abs(theirs) * (1 + 2.0**-23), ours, theirs, field(target, index)))
        beyond_rounding = np.maximum(np.abs(ours - theirs) - (above - np.abs(theirs)), 0)
        change = np.abs(theirs - now).max() / std
        differences.append(beyond_rounding.max() / std)
        assert ours.shape == theirs.shape and change > 0.01, f"{target}: shape {ours.shape}, the forecast changes by {change} of its unit"
print(f"{path}: {model.description['tokens']} tokens, {len(model.targets)} targets, lead times {model.leads}, largest difference {np.max(differences):.1e}")
sys.exit(0 if np.max(differences) < 1e-5 else 1)  # not a number: 1
