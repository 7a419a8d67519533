"""Scores of `seqvit evaluate` against an independent computation from a forecast file and the source data.

    check_scores.py FORECAST.nc SOURCE.nc SCORES.json VARIABLE

Recomputes rmse, rmse_per_step, mae, bias and skill_persistence of every lead by the definitions of WeatherBench 2 (cosine
weights, points valid in forecast, truth and initial state) and compares at 1e-6. Exit 77 (a skipped test) without numpy and netCDF4.
"""

import json
import sys

try:
    import netCDF4
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}; pip install numpy netCDF4")
    sys.exit(77)


def filled(variable):
    """Physical values, NaN where missing; in single precision, as the program holds fields."""
    return np.ma.filled(variable[:].astype("f8"), np.nan).astype("f4").astype("f8")


def main(forecast_path, source_path, scores_path, name):
    forecast_file, source = netCDF4.Dataset(forecast_path), netCDF4.Dataset(source_path)
    times = [str(t) for t in netCDF4.num2date(source["time"][:], source["time"].units, getattr(source["time"], "calendar", "standard"))]
    index = {t: i for i, t in enumerate(times)}
    valid = forecast_file["time"]
    valid_times = netCDF4.num2date(valid[:], valid.units, getattr(valid, "calendar", "standard"))
    init = forecast_file["init_time"]
    init_times = netCDF4.num2date(init[:], init.units, getattr(init, "calendar", "standard"))
    leads = np.asarray(forecast_file["lead_time"][:], dtype=float)
    truth_all, forecast = filled(source[name]), filled(forecast_file[name])
    latitude = source.variables.get("lat", source.variables.get("latitude"))[:]
    row = np.cos(np.deg2rad(np.asarray(latitude, dtype=float)))
    weights = np.broadcast_to((row / row.mean())[:, None], truth_all.shape[1:])

    scores = {(s["lead_hours"], s["metric"]): s for s in json.load(open(scores_path))["scores"]
              if s["variable"] == name and s["region"] == "global"}
    compared, worst = 0, 0.0
    for k, lead in enumerate(leads):
        mse, absolute, bias, reference = [], [], [], []
        for i, start in enumerate(init_times):
            target = index.get(str(valid_times[i, k]))
            if target is None:
                continue
            f, o, p = forecast[i, k], truth_all[target], truth_all[index[str(start)]]
            ok = np.isfinite(f) & np.isfinite(o) & np.isfinite(p)
            w = weights[ok] / weights[ok].sum()
            mse.append((w * (f[ok] - o[ok]) ** 2).sum())
            absolute.append((w * np.abs(f[ok] - o[ok])).sum())
            bias.append((w * (f[ok] - o[ok])).sum())
            reference.append((w * (p[ok] - o[ok]) ** 2).sum())
        expected = {"rmse": np.sqrt(np.mean(mse)), "rmse_per_step": np.mean(np.sqrt(mse)), "mae": np.mean(absolute),
                    "bias": np.mean(bias), "skill_persistence": 1 - np.mean(mse) / np.mean(reference)}
        for metric, value in expected.items():
            found = scores[(lead, metric)]["value"]
            error = abs(found - value) / max(abs(value), 1e-2)
            worst, compared = max(worst, error), compared + 1
            if error > 1e-6:
                print(f"lead {lead} h {metric}: expected {value!r}, found {found!r}")
                return 1
    print(f"{compared} scores equal within {worst:.1e}")
    return 0 if compared else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
