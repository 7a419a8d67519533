"""What is written, as xarray with its defaults reads it; climatologies; names and levels; imported normalisation.

    check_output.py SEQVIT DIRECTORY [CASE...]

Each case makes files of its own, runs the program and computes the numbers again. Exit 77 (a skipped test) without numpy, netCDF4 and
xarray.
"""

import json
import sys

try:
    import netCDF4
    import numpy as np
    import xarray as xr
except ImportError as error:
    print(f"skipped: {error}; pip install numpy netCDF4 xarray")
    sys.exit(77)

from check_files import Check, File, row_areas, run_cases

LATITUDE, LONGITUDE = np.linspace(70, -70, 8), np.arange(12) * 30.0
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def season(hours, mean=280.0):
    """Seasons, a wave and a little weather, [time, y, x]; the same however often it is asked for."""
    t = np.asarray(hours, "f8")[:, None, None]
    y, x = np.meshgrid(np.deg2rad(LATITUDE), np.deg2rad(LONGITUDE), indexing="ij")
    wave = 4 * np.sin(2 * x - 0.3 * t) * np.cos(y)
    return (mean + 15 * np.cos(2 * np.pi * t / 8766) * np.sin(y) + wave + np.sin(1.7 * t + x)).astype("f4")


def write(path, hours, since="2001-01-01", levels=None, **variables):
    """Variables of (time, [level,] lat, lon); `levels`: (dim, values, attributes)."""
    dims = {"time": len(hours), "lat": len(LATITUDE), "lon": len(LONGITUDE)}
    if levels:
        dims[levels[0]] = len(levels[1])
    file = File(path, **dims)
    file.put("time", "f8", ("time",), hours, units=f"hours since {since}", standard_name="time")
    file.put("lat", "f8", ("lat",), LATITUDE, units="degrees_north")
    file.put("lon", "f8", ("lon",), LONGITUDE, units="degrees_east")
    if levels:
        file.put(levels[0], "f8", (levels[0],), levels[1], **levels[2])
    for name, values in variables.items():
        place = ("time", levels[0], "lat", "lon") if values.ndim == 4 else ("time", "lat", "lon")
        file.put(name, "f4", place, values, units="K", long_name=f"a {name}")
    file.file.close()


def config(directory, files, variables="", lead="12h", train="[0, 40]", test="[41, 59]", more="", name="c.yaml"):
    said = f"variables: {variables}, " if variables else ""
    (directory / name).write_text(f"""
data: {{files: [{', '.join(files)}], {said}lead_time: {lead}, {more}split: {{train: {train}, test: {test}}}}}
model: {{patch_size: 4, embed_dim: 16, depth: 1, num_heads: 2}}
train: {{steps: 3, batch_size: 4, warmup_steps: 1}}
evaluate: {{leads: [{lead}]}}
""")
    return name


def score(directory, metric, variable=None):
    scores = json.loads((directory / "s.json").read_text())["scores"]
    return next(s for s in scores if s["metric"] == metric and s["region"] == "global" and variable in (None, s["variable"]))


def close(found, expected, what, tolerance=2e-6):
    if not np.allclose(found, expected, rtol=tolerance, atol=0, equal_nan=True):
        raise AssertionError(f"{what}: {found!r}, expected {expected!r}")


def rmse_of(reference, truth):
    weights = row_areas(LATITUDE)[:, None] * np.ones(len(LONGITUDE))
    return np.sqrt(np.mean([(weights * (r - t) ** 2).sum() / weights.sum() for r, t in zip(reference, truth.astype("f8"))]))


@case
def climatology_of_a_run(check, directory):
    """Kept by training, as CF; used on the file of another year when the training data are gone."""
    hours = np.arange(0, 24 * 731, 12)
    write(directory / "a.nc", hours, t=season(hours))
    later = np.arange(24 * 1461, 24 * 1500, 12)
    write(directory / "later.nc", later, t=season(later))
    check.run("train", config(directory, ["a.nc"], train="[2001, 2002]", test="['2003-01-01', '2003-01-01']", more=""), "--run", "r",
              "--data.split.test=[]")
    with xr.open_dataset(directory / "r" / "climatology.nc") as kept:
        assert dict(kept.sizes) == {"hour": 2, "dayofyear": 366, "latitude": 8, "longitude": 12}, kept.sizes
        assert kept.t.attrs["units"] == "K" and kept.attrs["Conventions"] == "CF-1.10"
        assert list(kept.hour) == [0, 12] and kept.latitude.attrs["units"] == "degrees_north"
        climatology = kept.t.values.astype("f8")
    day = np.arange(731) % 365  # no leap year among them: 1 March is day 60 of the file, from 0
    place = np.where(day >= 59, day + 1, day)
    for wanted in (0, 58, 59, 60, 200, 365):
        near = np.minimum(np.abs(place - wanted), 366 - np.abs(place - wanted)) <= 10
        in_period = np.arange(731) < 730
        close(climatology[1, wanted], season(hours)[1::2][near & in_period].astype("f8").mean(0), f"day {wanted}", 1e-5)
    (directory / "a.nc").rename(directory / "gone.nc")
    said = check.run("evaluate", "r", "--json", "s.json", "--data.files=[later.nc]", "--data.split.test=['2005-01-02', '2005-02-08']")
    assert "climatology.nc" in said and "warning" not in said, said
    found = score(directory, "rmse")
    days = (later // 24 - 1461)[2:]
    reference = np.stack([climatology[int(h) // 12 % 2, d] for h, d in zip(later[2:] % 24, days)])
    close(found["climatology"], rmse_of(reference[1:], season(later)[3:]), "rmse of climatology")
    assert found["initial_times"] == 75 and found["points"] == 75 * 96, found
    # Another period is not this run's: made anew where data are, else said.
    path = directory / "r" / "config.yaml"
    path.write_text(path.read_text().replace("2002", "2001"))
    said = check.run("evaluate", "r", "--json", "s.json", "--data.files=[later.nc]", "--data.split.test=['2005-01-02', '2005-02-08']")
    assert "another training period" in said and "no climatology" in said, said
    assert score(directory, "rmse")["climatology"] is None and score(directory, "acc")["value"] is None
    (directory / "gone.nc").rename(directory / "a.nc")
    said = check.run("evaluate", "r", "--json", "s.json", "--data.files=[later.nc]", "--data.split.test=['2005-01-02', '2005-02-08']")
    assert "warning" not in said and score(directory, "acc")["value"] is not None, said


@case
def climatology_of_another(check, directory):
    """WeatherBench 2's layout: dims in any order, rows the other way, degrees Celsius; NetCDF, Zarr where there is zarr, months."""
    hours = np.arange(0, 24 * 60, 6)
    write(directory / "a.nc", hours, since="2003-12-31", t=season(hours))  # through 29 February: day 60
    check.run("train", config(directory, ["a.nc"], lead="6h"), "--run", "r", "--data.split.train={index: [0, 20]}",
              "--data.split.test={index: [20, 240]}")
    assert not (directory / "r" / "climatology.nc").exists(), "of five days"
    check.run("evaluate", "r", "--json", "s.json")
    assert score(directory, "skill_climatology")["value"] is None
    generator = np.random.default_rng(1)
    values = 280 + generator.normal(size=(4, 366, 8, 12)).astype("f4")
    other = xr.Dataset({"t": (("hour", "dayofyear", "latitude", "longitude"), values - 273.15, {"units": "degC"})},
                       {"hour": [0, 6, 12, 18], "dayofyear": np.arange(1, 367), "latitude": LATITUDE, "longitude": LONGITUDE})
    other = other.isel(latitude=slice(None, None, -1)).transpose("dayofyear", "hour", "longitude", "latitude").astype("f8")
    other.to_netcdf(directory / "wb.nc")
    # Valid times of all forecasts, by true days of the year.
    dates = np.datetime64("2003-12-31") + hours[21:240].astype("timedelta64[h]")
    days = (dates.astype("datetime64[D]") - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    reference = values.astype("f8")[hours[21:240] // 6 % 4, days]
    expected = rmse_of(reference, season(hours)[21:240])
    files = ["wb.nc"]
    try:
        other.to_zarr(directory / "wb.zarr", zarr_format=2)
        files.append("wb.zarr")
    except (ImportError, ValueError):
        pass
    for file in files:
        check.run("evaluate", "r", "--json", "s.json", "--climatology", file)
        close(score(directory, "rmse")["climatology"], expected, f"rmse of climatology of {file}", 1e-5)
    xr.Dataset({"t": (("month", "latitude", "longitude"), values[0, :12])},
               {"month": np.arange(1, 13), "latitude": LATITUDE, "longitude": LONGITUDE}).to_netcdf(directory / "months.nc")
    check.run("evaluate", "r", "--json", "s.json", "--climatology", "months.nc")
    months = (dates.astype("datetime64[M]") - dates.astype("datetime64[Y]").astype("datetime64[M]")).astype(int)
    close(score(directory, "rmse")["climatology"], rmse_of(values.astype("f8")[0, months], season(hours)[21:240]), "by month", 1e-5)
    for bad, words in [(other.rename(t="u"), "expected one of its variables"), (other.isel(latitude=slice(0, 5)), "expected the grid"),
                       (other.isel(dayofyear=0), "expected a climatology")]:
        bad.to_netcdf(directory / "bad.nc")
        said = check.run("evaluate", "r", "--climatology", "bad.nc", expect=3)
        assert words in said and said.count("error") == 1, said


VERTICAL = {
    "pressure": ("plev", [85000.0, 50000.0, 25000.0], {"units": "Pa", "standard_name": "air_pressure", "positive": "down"}),
    "plain": ("lev", [1.0, 2.0, 3.0], {}),
    "sigma": ("lev", [0.995, 0.5, 0.1], {"standard_name": "atmosphere_sigma_coordinate", "positive": "down"}),
    "hybrid": ("nhym", [10.0, 30.0, 60.0], {"standard_name": "atmosphere_hybrid_sigma_pressure_coordinate"}),
    "depth": ("olevel", [0.494025, 0.494026, 5727.917], {"units": "m", "positive": "down", "standard_name": "depth"}),
    "height": ("z", [10.0, 100.0, 1000.0], {"units": "m", "axis": "Z"}),
}


@case
def levels(check, directory):
    """Any vertical coordinate comes out as the level dim it went in as, in every layout."""
    hours = np.arange(0, 12 * 60, 12)
    for kind, axis in VERTICAL.items():
        place = directory / kind
        place.mkdir()
        fields = np.stack([season(hours, 250 + 10 * k) for k in range(3)], 1)
        write(place / "a.nc", hours, levels=axis, t=fields, ps=season(hours, 1000))
        inner = Check(check.seqvit, place)
        inner.run("train", config(place, ["a.nc"], "[t@*, ps]", train="{index: [0, 40]}", test="{index: [40, 60]}"), "--run", "r")
        inner.run("evaluate", "r", "--json", "s.json")
        layouts = {"lead_time": ("init_time", "lead_time", "level", "lat", "lon"), "valid_time": ("time", "level", "lat", "lon"),
                   "weatherbench": ("init_time", "lead_time", "level", "latitude", "longitude")}
        first = None
        for layout, dims in layouts.items():
            inner.run("forecast", "r", "--init", "2001-01-21T00", "--steps", 2, "--output", "f.nc", "--layout", layout)
            with xr.open_dataset(place / "f.nc") as file:
                assert file.t.dims == dims, (kind, layout, file.t.dims)
                assert file.ps.dims == tuple(d for d in dims if d != "level")
                close(file.level.values, axis[1], f"levels of {kind}", 1e-12)
                for name, value in axis[2].items():
                    assert file.level.attrs[name] == value, (kind, name, file.level.attrs)
                assert file.lead_time.dtype == np.dtype("timedelta64[ns]") and file.lead_time.values[1] == np.timedelta64(24, "h")
                valid = file["valid_time" if layout == "weatherbench" else "time"]
                assert valid.values.reshape(-1)[1] == np.datetime64("2001-01-22T00"), valid
                assert file.init_time.values.reshape(-1)[0] == np.datetime64("2001-01-21T00")
                first = file.t.values.squeeze() if first is None else first
                assert np.array_equal(file.t.values.squeeze(), first) and np.isfinite(first).all()
        with xr.open_dataset(place / "r" / "scores.nc") as scores:
            s = score(place, "rmse", "ps")
            close(float(scores.rmse.sel(variable="ps", region="global", lead=np.timedelta64(12, "h"))), s["value"], "scores.nc", 1e-12)
            close(float(scores.rmse_low.sel(variable="ps", region="global", lead=np.timedelta64(12, "h"))), s["low"], "scores.nc", 1e-12)
            assert float(scores.points.sel(variable="ps", region="global", lead=np.timedelta64(12, "h"))) == 19 * 96
            assert str(scores.units.sel(variable="ps").values) == "K" and scores.sizes["variable"] == 4
    said = inner.run("forecast", "r", "--init", "2001-01-21T00,2001-01-22T00", "--steps", 2, "--output", "g.nc", "--layout", "valid_time",
                     expect=2)
    assert "one initial time" in said, said
    inner.run("forecast", "r", "--init", "2001-01-21T00", "--steps", 2, "--output", "g.zarr", "--layout", "weatherbench", "--picture", "p.png",
              "--variable", "t@100")
    assert (directory / "height" / "p.png").exists()


@case
def names(check, directory):
    """One name in two files, names that differ in punctuation, names of one's own, levels in two units."""
    hours = np.arange(0, 12 * 60, 12)
    one, two = season(hours), season(hours, 300)
    write(directory / "a.nc", hours, t=one)
    write(directory / "b.nc", hours, t=two)
    both = ["a.nc", "b.nc"]
    period = {"train": "{index: [0, 40]}", "test": "{index: [40, 60]}"}
    said = check.run("train", config(directory, both, **period), "--run", "none", expect=3)
    assert "remove the overlap" in said and "{new_name: {from: 'b.nc:t'}}" in said, said
    said = check.run("train", config(directory, both, "[a.nc:t, b.nc:t]", **period), "--run", "none", expect=2)
    assert "'t' twice" in said and "new_name" in said, said
    said = check.run("train", config(directory, both, "[a.nc:t, {warm: {from: c.nc:t}}]", **period), "--run", "none", expect=2)
    assert "data.files" in said and "c.nc" in said, said
    check.run("train", config(directory, both, "[a.nc:t, {warm: {from: b.nc:t}}]", **period), "--run", "r")
    check.run("evaluate", "r", "--json", "s.json")
    for name, values in (("t", one), ("warm", two)):
        close(score(directory, "rmse", name)["persistence"], np.sqrt(np.mean([rmse_of([p], values[i + 41:i + 42]) ** 2
                                                                              for i, p in enumerate(values[40:59].astype("f8"))])), name, 1e-5)
    check.run("forecast", "r", "--init", "2001-01-21T00", "--steps", 1, "--output", "f.nc")
    with xr.open_dataset(directory / "f.nc") as file:
        assert set(file.data_vars) == {"t", "warm"} and abs(float(file.warm.mean()) - 300) < 20 and abs(float(file.t.mean()) - 280) < 20
    write(directory / "n.nc", hours, new=two, t=one)  # other files, other names, the same model
    check.run("evaluate", "r", "--json", "s.json", "--data.files=[n.nc]", "--data.sources={warm: new}")
    # t@850 beside t_850: a level dim and a field; two that would be one are refused before training.
    write(directory / "l.nc", hours, levels=("level", [850.0, 500.0], {"units": "hPa"}), t=np.stack([one, two], 1), t_850=two)
    check.run("train", config(directory, ["l.nc"], "[t@850, t_850]", **period), "--run", "q")
    check.run("forecast", "q", "--init", "2001-01-21T00", "--steps", 1, "--output", "g.nc")
    with xr.open_dataset(directory / "g.nc") as file:
        assert file.t.dims[2] == "level" and file.t_850.dims == ("init_time", "lead_time", "lat", "lon"), file
    write(directory / "p.nc", hours, **{"t.x": one, "t_x": two})
    said = check.run("train", config(directory, ["p.nc"], **period), "--run", "none", expect=2)
    assert "'t.x' and 't_x'" in said and "new_name" in said, said
    check.run("train", config(directory, ["p.nc"], "[t_x, {tx: {from: t.x}}]", **period), "--run", "p")
    # The same levels in another file, in Pa.
    later = hours + 12 * 60
    write(directory / "m.nc", later, levels=("level", [50000.0, 85000.0], {"units": "Pa"}), t=np.stack([two, one], 1), t_850=two)
    said = check.run("train", config(directory, ["l.nc", "m.nc"], "[t@850]", train="{index: [0, 100]}", test="{index: [100, 120]}"),
                     "--run", "pa")
    assert "120" in said or "100 times" in said, said
    for directory_of in ("none",):
        assert not (directory / directory_of).exists(), "nothing is made where a name is wrong"


@case
def normalization(check, directory):
    """Weights keep the normalisation that they were trained with, for fields found by name, in the units of the new files."""
    hours = np.arange(0, 12 * 60, 12)
    write(directory / "a.nc", hours, t=season(hours), u=season(hours, 0))
    write(directory / "b.nc", hours, t=season(hours) + 9, v=season(hours, 0))
    celsius = File(directory / "c.nc", time=60, lat=8, lon=12)
    celsius.put("time", "f8", ("time",), hours, units="hours since 2001-01-01")
    celsius.put("lat", "f8", ("lat",), LATITUDE, units="degrees_north")
    celsius.put("lon", "f8", ("lon",), LONGITUDE, units="degrees_east")
    celsius.put("t", "f8", ("time", "lat", "lon"), season(hours).astype("f8") - 264.15, units="degC")
    celsius.file.close()
    period = {"train": "{index: [0, 40]}", "test": "{index: [40, 60]}"}
    check.run("train", config(directory, ["a.nc"], **period), "--run", "a")
    check.run("export", "a", "--output", "w.safetensors")
    read = lambda run: json.loads((directory / run / "normalization.json").read_text())
    source = read("a")
    for run, file, how in (("b", "b.nc", "source"), ("c", "c.nc", "source"), ("d", "b.nc", "new")):
        said = check.run("import", config(directory, [file], **period), "--weights", "w.safetensors", "--run", run, "--normalization", how)
        found = read(run)
        mean = source["variables"]["t"]["mean"] + {"b": 0, "c": -273.15, "d": 9}[run]
        close(found["variables"]["t"]["mean"], mean, f"mean in {run}", 1e-6)
        close(found["variables"]["t"]["std"], source["variables"]["t"]["std"], f"std in {run}", 1e-5)
        kept = json.loads((directory / run / "import.json").read_text())["normalization"]
        assert kept["source"] == ([] if how == "new" else ["t", "12h tendency of t"]), kept
        assert ("v" in kept["new"]) == (file == "b.nc") and "normalisation of the new training period" in said
        check.run("train", "c.yaml", "--run", run, "--resume")
        assert read(run)["variables"]["t"] == found["variables"]["t"], "training keeps it"


def as_expected(check, case):
    case(check, check.directory)
    return "as expected"


if __name__ == "__main__":
    sys.exit(run_cases(CASES, as_expected, *sys.argv[1:]))
