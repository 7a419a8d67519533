"""Scores of `seqvit evaluate` against an independent computation from a forecast file and the source data.

    check_scores.py FORECAST.nc SOURCE.nc SCORES.json VARIABLE [TRAINING_BEGIN TRAINING_END]

Recomputes rmse, rmse_per_step, mae, bias and the skill against persistence of every lead by the definitions of WeatherBench 2
(weights by the area of cells, points valid in forecast, truth and initial state), with the training period (time indices, the end
excluded) also acc and the skill against climatology, and compares at 1e-6. So too the zonal power spectra of truth and forecast,
by numpy's FFT (rows of 30 to 60 degrees without a missing value; mirrored where the grid is open). Exit 77 (a skipped test)
without numpy and netCDF4.
"""

import json
import sys

try:
    import netCDF4
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}; pip install numpy netCDF4")
    sys.exit(77)

FIRST_DAY = np.cumsum([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30])  # of each month of a leap year


def filled(variable):
    """Physical values, NaN where missing; in single precision, as the program holds fields."""
    return np.ma.filled(variable[:].astype("f8"), np.nan).astype("f4").astype("f8")


def areas(latitude):
    """Of the cells of a row: by the weights of Gaussian latitudes, else between midpoints (outermost rows as far out as in, a
    pole that is nearer than a row included)."""
    roots, gauss = np.polynomial.legendre.leggauss(len(latitude))
    gaussian = np.sign(latitude[-1] - latitude[0]) * np.rad2deg(np.arcsin(roots))
    if np.abs(latitude - gaussian).max() < 2e-3:
        return gauss
    middle = (latitude[1:] + latitude[:-1]) / 2
    edges = np.concatenate([[2 * latitude[0] - middle[0]], middle, [2 * latitude[-1] - middle[-1]]])
    for edge, row, inner in [(0, latitude[0], latitude[1]), (-1, latitude[-1], latitude[-2])]:
        if abs(edges[edge]) > 90 or 90 - abs(row) < abs(row - inner):
            edges[edge] = 90 * np.sign(row - inner)
    return np.abs(np.diff(np.sin(np.deg2rad(edges))))


def dates_of(variable):
    return netCDF4.num2date(variable[:], variable.units, getattr(variable, "calendar", "standard"))


def place_in_year(date):
    return FIRST_DAY[date.month - 1] + date.day - 1


def climatology(truth, dates, training):
    """A function of a date: mean of the training fields of the same time of day within 10 days of the year."""
    days = np.array([place_in_year(d) for d in dates[training]])
    clock = np.array([d.hour * 60 + d.minute for d in dates[training]])
    fields = truth[training]

    def at(date):
        apart = np.abs(days - place_in_year(date))
        near = (np.minimum(apart, 366 - apart) <= 10) & (clock == date.hour * 60 + date.minute)
        valid = np.isfinite(fields[near])
        count = valid.sum(axis=0)
        total = np.where(valid, fields[near], 0.0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype("f4").astype("f8")

    return at


def space_means(f, o, p, c, weights):
    """Means over space at one initial time, by name; those that need climatology are over its own points."""
    valid = np.isfinite(f) & np.isfinite(o) & np.isfinite(p)
    both = valid & np.isfinite(c)
    means = {}
    if valid.any():
        w = weights[valid] / weights[valid].sum()
        e, reference = f[valid] - o[valid], p[valid] - o[valid]
        means.update(mse=(w * e**2).sum(), rmse=np.sqrt((w * e**2).sum()), mae=(w * np.abs(e)).sum(), bias=(w * e).sum(),
                     persistence_mse=(w * reference**2).sum())
    if both.any():
        w = weights[both] / weights[both].sum()
        f, o, c = f[both], o[both], c[both]
        means.update(both_mse=(w * (f - o) ** 2).sum(), climatology_mse=(w * (c - o) ** 2).sum(),
                     acc=(w * (f - c) * (o - c)).sum() / np.sqrt((w * (f - c) ** 2).sum() * (w * (o - c) ** 2).sum()))
    return means


def expected_scores(steps):
    """Scores of one lead from the means at every initial time; without those that are not defined."""

    def mean(name):
        values = [s[name] for s in steps if name in s]
        return np.mean(values) if values else np.nan

    scores = {"rmse": np.sqrt(mean("mse")), "rmse_per_step": mean("rmse"), "mae": mean("mae"), "bias": mean("bias"),
              "skill_persistence": 1 - mean("mse") / mean("persistence_mse"), "acc": mean("acc"),
              "skill_climatology": 1 - mean("both_mse") / mean("climatology_mse")}
    return {metric: value for metric, value in scores.items() if np.isfinite(value)}


def expected_spectrum(pairs, latitude, longitude):
    """Mean power by wavenumber of truth and forecast from (forecast, truth) at every initial time, and the rows that entered."""
    degrees = abs(longitude[1] - longitude[0]) * len(longitude)
    closed = abs(degrees - 360) < 0.01
    totals, rows = [0.0, 0.0], 0
    for y in np.flatnonzero((np.abs(latitude) >= 30) & (np.abs(latitude) <= 60)):
        length = 2 * np.pi * 6.371e6 * np.cos(np.deg2rad(latitude[y])) * degrees / 360
        for forecast, truth in pairs:
            if not np.isfinite(truth[y] + forecast[y]).all():
                continue
            rows += 1
            for i, row in enumerate([truth[y], forecast[y]]):
                period = row if closed else np.concatenate([row, row[::-1]])
                power = np.abs(np.fft.rfft(period) / len(period)) ** 2
                power[1:] *= 2
                totals[i] = totals[i] + length * power[: None if closed else len(row)]
    wavenumber = np.arange(len(totals[0])) * (1 if closed else 180 / degrees)
    return {"wavenumber": wavenumber, "truth": totals[0] / rows, "forecast": totals[1] / rows}, rows


def check_spectra(spectra, pairs, latitude, longitude):
    """Largest relative difference over leads, waves, truth and forecast; prints what differs by more than 1e-6."""
    worst = 0.0
    for lead, pairs_of_lead in pairs.items():
        expected, rows = expected_spectrum(pairs_of_lead, latitude, longitude)
        found = spectra[lead]
        for name, values in expected.items():
            error = np.max(np.abs(np.asarray(found[name]) - values) / np.maximum(np.abs(values), 1e-30))
            worst = max(worst, error if found["rows"] == rows else np.inf)
            if not worst <= 1e-6:
                print(f"lead {lead} h spectrum, {name}: differs by {error:.1e}; {found['rows']} rows for {rows}")
    return worst


def main(forecast_path, source_path, scores_path, name, *training):
    forecast_file, source = netCDF4.Dataset(forecast_path), netCDF4.Dataset(source_path)
    dates = dates_of(source["time"])
    index = {str(date): i for i, date in enumerate(dates)}
    starts, valid_dates = dates_of(forecast_file["init_time"]), dates_of(forecast_file["time"])
    truth, forecast = filled(source[name]), filled(forecast_file[name])
    latitude, longitude = (np.asarray(source.variables.get(short, source.variables.get(long))[:], dtype=float)
                           for short, long in [("lat", "latitude"), ("lon", "longitude")])
    row = areas(latitude)
    weights = np.broadcast_to((row / row.mean())[:, None], truth.shape[1:])
    normal = climatology(truth, dates, slice(*map(int, training))) if training else lambda _: np.full_like(truth[0], np.nan)

    file = json.load(open(scores_path))
    found = {(s["lead_hours"], s["metric"]): s["value"] for s in file["scores"]
             if s["variable"] == name and s["region"] == "global"}
    pairs = {}
    compared, worst = 0, 0.0
    for k, lead in enumerate(np.asarray(forecast_file["lead_time"][:], dtype=float)):
        steps = [space_means(forecast[i, k], truth[index[str(valid_dates[i, k])]], truth[index[str(start)]],
                             normal(valid_dates[i, k]), weights)
                 for i, start in enumerate(starts) if str(valid_dates[i, k]) in index]
        pairs[lead] = [(forecast[i, k], truth[index[str(valid_dates[i, k])]]) for i in range(len(starts))
                       if str(valid_dates[i, k]) in index]
        expected = expected_scores(steps)
        for metric, value in expected.items():
            error = abs((found[(lead, metric)] or np.nan) - value) / max(abs(value), 1e-2)
            worst, compared = max(worst, error), compared + 1
            if not error <= 1e-6:
                print(f"lead {lead} h {metric}: expected {value!r}, found {found[(lead, metric)]!r}")
                return 1
    print(f"{compared} scores ({', '.join(expected)}) equal within {worst:.1e}")
    spectra = {s["lead_hours"]: s for s in file["spectra"] if s["variable"] == name}
    difference = check_spectra(spectra, pairs, latitude, longitude)
    print(f"{len(pairs)} spectra of {len(spectra[lead]['wavenumber'])} waves equal within {difference:.1e}")
    return 0 if compared and difference <= 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
