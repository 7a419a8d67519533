"""Files as people have them, from inspection to a scored forecast.

    check_files.py SEQVIT DIRECTORY [CASE...]

Makes a small data set of each kind, runs inspect, train, evaluate and forecast on it, and computes the scores again from the forecast
and the values that were written, with weights of its own. Exit 77 (a skipped test) without numpy and netCDF4.
"""

import json
import subprocess
import sys
from pathlib import Path

try:
    import netCDF4
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}; pip install numpy netCDF4")
    sys.exit(77)

TIMES = 48


def sphere(latitude, longitude):
    phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], -1)


def triangle(a, b, c):
    """Area by the lengths of the sides (L'Huilier)."""
    sides = [2 * np.arcsin(np.clip(np.linalg.norm(p - q, axis=-1) / 2, 0, 1)) for p, q in [(b, c), (c, a), (a, b)]]
    half = sum(sides) / 2
    product = np.tan(half / 2)
    for side in sides:
        product = product * np.tan((half - side) / 2)
    return 4 * np.arctan(np.sqrt(np.maximum(product, 0)))


def row_areas(latitude):
    """Cells of rows whose edges lie midway, up to the poles."""
    middle = (latitude[1:] + latitude[:-1]) / 2
    edges = np.concatenate([[2 * latitude[0] - middle[0]], middle, [2 * latitude[-1] - middle[-1]]])
    return np.abs(np.diff(np.sin(np.deg2rad(np.clip(edges, -90, 90)))))


def point_areas(latitude, longitude):
    """Cells of points with places of their own, between corners midway; rows and columns go on beyond the edge."""
    places = sphere(latitude, longitude)
    for axis in (0, 1):
        first, second, before, last = (np.take(places, [i], axis) for i in (0, 1, -2, -1))
        places = np.concatenate([2 * first - second, places, 2 * last - before], axis)
        places /= np.linalg.norm(places, axis=-1, keepdims=True)
    corners = places[1:, 1:] + places[1:, :-1] + places[:-1, 1:] + places[:-1, :-1]
    corners /= np.linalg.norm(corners, axis=-1, keepdims=True)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
    return triangle(a, b, c) + triangle(a, c, d)


def fields(latitude, longitude, mean=280.0):
    """A wave that travels east, [time, y, x]."""
    t = np.arange(TIMES)[:, None, None]
    wave = np.sin(np.deg2rad(3 * longitude) - 0.4 * t) * np.cos(np.deg2rad(latitude))
    return (mean + 10 * np.sin(np.deg2rad(latitude)) + 5 * wave + 0.3 * np.cos(7.0 * t + longitude)).astype("f4")


class File:
    """A NetCDF file in a few calls."""

    def __init__(self, path, **dims):
        self.file = netCDF4.Dataset(path, "w")
        for name, size in dims.items():
            self.file.createDimension(name, size)

    def put(self, name, kind, dims, values, fill=None, **attributes):
        variable = self.file.createVariable(name, kind, dims, fill_value=fill)
        variable.setncatts(attributes)
        variable[...] = values
        return variable

    def times(self, name="time", dim="time", units="hours since 2001-01-01", kind="f8", step=6, **attributes):
        self.put(name, kind, (dim,), np.arange(TIMES) * step, units=units, **attributes)


CASES = {}


def case(function):
    """A case makes its files in a directory and returns {files, config, model, train (YAML of sections), truth, areas, name, then (more checks)}."""
    CASES[function.__name__] = function
    return function


@case
def rotated_pole(directory):
    rlat, rlon = np.linspace(-10, 10, 12), np.linspace(-15, 14, 16)
    y, x = np.meshgrid(np.deg2rad(rlat), np.deg2rad(rlon), indexing="ij")
    pole = np.deg2rad(39.25)
    latitude = np.rad2deg(np.arcsin(np.sin(y) * np.sin(pole) + np.cos(y) * np.cos(x) * np.cos(pole)))
    longitude = 18 + np.rad2deg(np.arctan2(np.cos(y) * np.sin(x), np.sin(pole) * np.cos(y) * np.cos(x) - np.sin(y) * np.cos(pole)))
    truth = fields(latitude, longitude)
    file = File(directory / "a.nc", time=TIMES, rlat=12, rlon=16)
    file.times()
    file.put("rlat", "f8", ("rlat",), rlat, units="degrees", standard_name="grid_latitude", axis="Y")
    file.put("rlon", "f8", ("rlon",), rlon, units="degrees", standard_name="grid_longitude", axis="X")
    file.put("rotated_pole", "i4", (), 0, grid_mapping_name="rotated_latitude_longitude", grid_north_pole_latitude=39.25)
    file.put("lat", "f8", ("rlat", "rlon"), latitude, units="degrees_north", standard_name="latitude")
    file.put("lon", "f8", ("rlat", "rlon"), longitude, units="degrees_east", standard_name="longitude")
    file.put("tas", "f4", ("time", "rlat", "rlon"), truth, units="K", coordinates="lon lat", grid_mapping="rotated_pole")
    file.file.close()
    return {"files": ["a.nc"], "name": "tas", "truth": truth, "areas": point_areas(latitude, longitude)}


@case
def curvilinear_ocean(directory):
    j, i = np.meshgrid(np.arange(14), np.arange(20), indexing="ij")
    latitude, longitude = 40 + 1.5 * j + 0.2 * i, -30 + 2.0 * i - 0.3 * j
    truth = fields(latitude, longitude, 10.0)
    land = (i + j) % 9 == 0
    truth[:, land] = np.nan
    file = File(directory / "o.nc", time_counter=TIMES, y=14, x=20)
    file.times("time_counter", "time_counter", "seconds since 1950-01-01", step=86400, calendar="noleap")
    file.put("nav_lat", "f4", ("y", "x"), latitude)
    file.put("nav_lon", "f4", ("y", "x"), longitude)
    file.put("votemper", "f4", ("time_counter", "y", "x"), np.where(np.isnan(truth), 1e20, truth), fill=1e20, units="degC",
             coordinates="nav_lat nav_lon")
    file.file.close()
    return {"files": ["o.nc"], "name": "votemper", "truth": truth, "lead": "1d",
            "areas": point_areas(latitude.astype("f4").astype("f8"), longitude.astype("f4").astype("f8"))}


@case
def pictures(directory):
    y, x = np.meshgrid(np.arange(16), np.arange(24), indexing="ij")
    truth = fields(3.0 * y, 4.0 * x, 100.0)
    file = File(directory / "p.nc", frame=TIMES, row=16, col=24)
    file.put("light", "f4", ("frame", "row", "col"), truth)
    file.file.close()
    return {"files": ["p.nc"], "name": "light", "truth": truth, "areas": np.ones((16, 24)), "config": "grid: index",
            "lead": "1h", "refused_without": "data.grid: index"}


@case
def poles(directory):
    latitude, longitude = np.linspace(90, -90, 19), np.arange(36) * 10.0
    truth = fields(*np.meshgrid(latitude, longitude, indexing="ij"))
    file = File(directory / "g.nc", time=TIMES, lat=19, lon=37)
    file.times(kind="f4", units="days since 1850-01-01", step=0.25)
    file.put("lat", "f8", ("lat",), latitude, units="degrees north")
    file.put("lon", "f8", ("lon",), np.arange(37) * 10.0, units="degree_E")
    file.put("t", "f4", ("time", "lat", "lon"), np.concatenate([truth, truth[:, :, :1]], 2), units="degK")
    file.file.close()
    return {"files": ["g.nc"], "name": "t", "truth": truth, "areas": np.repeat(row_areas(latitude)[:, None], 36, 1),
            "evaluate": turned(directory, latitude, longitude, truth)}


def turned(directory, latitude, longitude, truth):
    """The same points south to north, from -180, in degrees Celsius, dims (lon, lat)."""
    file = File(directory / "turned.nc", time=TIMES, lat=len(latitude), lon=len(longitude))
    file.times()
    file.put("lat", "f8", ("lat",), latitude[::-1], units="degrees_north")
    file.put("lon", "f8", ("lon",), np.roll(longitude, 18) - np.where(np.roll(longitude, 18) >= 180, 360, 0), units="degrees_east")
    values = np.roll(truth[:, ::-1], 18, 2).transpose(0, 2, 1)
    file.put("t", "f8", ("time", "lon", "lat"), values.astype("f8") - 273.15, units="degC")
    file.file.close()
    return "turned.nc"


@case
def versions_and_forecasts(directory):
    """ERA5's expver beside a time that begins a forecast."""
    latitude, longitude = np.linspace(60, 30, 11), np.arange(14) * 2.5
    truth = fields(*np.meshgrid(latitude, longitude, indexing="ij"), 5.0)
    both = np.full((TIMES, 2, 11, 14), np.nan, "f4")
    both[:30, 0], both[30:, 1] = truth[:30], truth[30:]
    file = File(directory / "e.nc", time=TIMES, expver=2, latitude=11, longitude=14)
    file.times(units="hours since 1900-01-01", long_name="initial time of forecast", standard_name="time")
    file.put("step", "f8", (), 6.0, units="hours", standard_name="forecast_period")
    file.put("expver", "i4", ("expver",), [1, 5])
    file.put("latitude", "f4", ("latitude",), latitude, units="degrees_north")
    file.put("longitude", "f4", ("longitude",), longitude, units="degrees_east")
    file.put("u10", "f4", ("time", "expver", "latitude", "longitude"), both, fill=np.float32(-32767), units="m s**-1")
    file.file.close()
    return {"files": ["e.nc"], "name": "u10", "truth": truth, "areas": np.repeat(row_areas(latitude)[:, None], 14, 1),
            "first": "1900-01-01T06"}


def weather_with_rain(directory):
    """State tas, a sea surface that is given, rain that is only put out and never negative."""
    latitude, longitude = np.linspace(78, -78, 14), np.arange(24) * 15.0
    places = np.meshgrid(latitude, longitude, indexing="ij")
    truth = fields(*places)
    rain = (np.maximum(0, fields(*places, 0.0) - 4) * 1e-5).astype("f4")
    file = File(directory / "w.nc", time=TIMES, lat=14, lon=24)
    file.times()
    file.put("lat", "f8", ("lat",), latitude, units="degrees_north")
    file.put("lon", "f8", ("lon",), longitude, units="degrees_east")
    for name, values, units in [("tas", truth, "K"), ("sst", fields(*places, 290.0), "K"), ("pr", rain, "kg m-2 s-1")]:
        file.put(name, "f4", ("time", "lat", "lon"), values, units=units)
    file.file.close()
    return {"files": ["w.nc"], "truth": truth, "rain": rain, "areas": np.repeat(row_areas(latitude)[:, None], 24, 1)}


def beyond_the_file(forcings_end):
    """A forecast of ten steps from two steps before the end."""
    def then(check):
        init = check.dates({}, netCDF4.Dataset(check.directory / "w.nc"))[TIMES - 3]
        said = check.run("forecast", "r", "--init", init, "--steps", 10, "--output", "long.nc", expect=3 if forcings_end else 0)
        if forcings_end:
            assert "data.forcings" in said and "2001-01-13T00" in said and not (check.directory / "long.nc").exists(), said
    return then


@case
def forcings_of_the_file(directory):
    made = weather_with_rain(directory)
    return made | {"name": "tas", "config": "variables: [tas], forcings: [sst, insolation]", "then": beyond_the_file(True)}


@case
def forcings_that_go_on(directory):
    """The sea surface is known before the first state and 24 hours after the last one."""
    made = weather_with_rain(directory)
    with netCDF4.Dataset(directory / "w.nc") as source:
        latitude, longitude, hours = source["lat"][:], source["lon"][:], source["time"][:]
    file = File(directory / "sea.nc", time=TIMES + 5, lat=14, lon=24)
    file.put("time", "f8", ("time",), np.concatenate([hours[:1] - 6, hours, hours[-1:] + 6 * np.arange(1, 5)]), units="hours since 2001-01-01")
    file.put("lat", "f8", ("lat",), latitude, units="degrees_north")
    file.put("lon", "f8", ("lon",), longitude, units="degrees_east")
    values = np.random.default_rng(1).normal(290, 3, (TIMES + 5, 14, 24))
    file.put("sea", "f4", ("time", "lat", "lon"), values, units="K")
    file.file.close()

    def then(check):
        dates = check.dates({}, netCDF4.Dataset(check.directory / "w.nc"))
        for steps, code in [(5, 0), (6, 3)]:  # the fifth begins at the last time of the sea
            said = check.run("forecast", "r", "--init", dates[-1], "--steps", steps, "--output", f"last{steps}.nc", expect=code)
        assert "data.forcings: sea" in said and "take fewer steps" in said, said
        # The sea of a later time is what a later step sees: another there, another forecast, but not before.
        with netCDF4.Dataset(check.directory / "sea.nc", "a") as file:
            file["sea"][TIMES + 2] = values[TIMES + 2] + 5  # 12 hours after the last state
        check.run("forecast", "r", "--init", dates[-1], "--steps", 5, "--output", "warm.nc")
        with netCDF4.Dataset(check.directory / "last5.nc") as one, netCDF4.Dataset(check.directory / "warm.nc") as other:
            same = [bool((one["tas"][0, step] == other["tas"][0, step]).all()) for step in range(5)]
        assert same == [True, True, False, False, False], same

    return made | {"files": ["w.nc", "sea.nc"], "name": "tas", "config": "variables: [tas], forcings: [sea]", "then": then, "apart": True}


@case
def rain_that_is_only_put_out(directory):
    made = weather_with_rain(directory)

    def then(check):
        with netCDF4.Dataset(check.directory / "f.nc") as file:
            rain = np.ma.filled(file["pr"][...], np.nan)
        assert np.isfinite(rain).all() and rain.min() >= 0 and rain.max() <= 4e-5, (rain.min(), rain.max())
        beyond_the_file(False)(check)

    return made | {"name": "pr", "truth": made["rain"], "then": then, "model": "bounds: {pr: [0, 4e-5]}",
                   "config": "variables: [tas], diagnostics: [pr], forcings: [insolation], transform: {pr: log1p 1e-5}"}


@case
def the_state_before(directory):
    made = weather_with_rain(directory)

    def then(check):
        first = check.dates({}, netCDF4.Dataset(check.directory / "w.nc"))[1]
        said = check.run("forecast", "r", "--init", first, "--steps", 1, "--output", "early.nc", expect=3)
        assert "data.history" in said and "start later" in said, said
        in_python(check, 30)

    return made | {"name": "tas", "then": then, "train": "rollout_steps: [1, 2], ", "model": "bounds: {pr: [0, 3e-5], tas: [., 292]}",
                   "config": "variables: [tas, sst], diagnostics: [pr], transform: {pr: sqrt}, history: 3"}


def in_python(check, first):
    """python/seqvit.py on the run's files gives the first forecast of f.nc."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
    try:
        import seqvit
    except ImportError:
        return
    model = seqvit.load(check.directory / "r/checkpoints/step-00000005")
    with netCDF4.Dataset(check.directory / "w.nc") as data, netCDF4.Dataset(check.directory / "f.nc") as file:
        def field(name):
            base, _, before = name.partition(" -")
            return np.asarray(data[base][first - (int(before.removesuffix("h")) // 6 if before else 0)])
        time = data["time"]
        found = model.forecast(np.stack([field(name) for name in model.inputs]), netCDF4.num2date(time[first], time.units)).numpy()
        for name, ours in zip(model.targets, found):
            theirs = np.asarray(file[name][0, 0], "f8")
            assert np.abs(ours - theirs).max() < 1e-5 * np.asarray(data[name][:]).std() + 1e-6 * np.abs(theirs).max(), name
            assert np.abs(theirs - np.asarray(data[name][first])).max() > 0, name


def zarr_store(directory, zarr_format):
    """As a WeatherBench store is laid out: dims (time, longitude, latitude), chunks of several times."""
    try:
        import xarray as xr
        import zarr  # noqa: F401
    except ImportError:
        return None
    latitude, longitude = np.linspace(-87, 87, 15), np.arange(20) * 18.0
    truth = fields(*np.meshgrid(latitude, longitude, indexing="ij"))
    dates = np.datetime64("2001-01-01", "ns") + np.arange(TIMES) * np.timedelta64(6, "h")
    store = xr.Dataset({"2m_temperature": (("time", "longitude", "latitude"), truth.transpose(0, 2, 1), {"units": "K"})},
                       {"time": dates, "longitude": ("longitude", longitude, {"units": "degrees_east"}),
                        "latitude": ("latitude", latitude, {"units": "degrees_north"})})
    store.to_zarr(directory / "a.zarr", zarr_format=zarr_format, encoding={"2m_temperature": {"chunks": (10, 20, 15)}})
    return {"files": ["a.zarr"], "name": "2m_temperature", "truth": truth, "areas": np.repeat(row_areas(latitude)[:, None], 20, 1),
            "dates": [str(date)[:13] for date in dates]}


@case
def zarr_2(directory):
    return zarr_store(directory, 2)


@case
def zarr_3(directory):
    return zarr_store(directory, 3)


class Check:
    def __init__(self, seqvit, directory):
        self.seqvit, self.directory = seqvit, directory

    def run(self, *arguments, expect=0):
        done = subprocess.run([self.seqvit, *map(str, arguments)], cwd=self.directory, text=True, capture_output=True)
        if done.returncode != expect:
            raise AssertionError(f"seqvit {' '.join(map(str, arguments))}: exit {done.returncode} for {expect}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def __call__(self, made):
        files, name, lead = made["files"], made["name"], made.get("lead", "6h")
        if "apart" in made:  # files that only a configuration makes one data set
            for file in files:
                self.run("inspect", file)
        else:
            self.start(made)
        extra = f"{made['config']}, " if "config" in made else ""
        (self.directory / "c.yaml").write_text(f"""
data: {{files: [{', '.join(files)}], lead_time: {lead}, {extra}split: {{train: {{index: [0, 30]}}, test: {{index: [30, {TIMES}]}}}}}}
model: {{patch_size: 4, embed_dim: 16, depth: 1, num_heads: 2, {made.get('model', '')}}}
train: {{{made.get('train', '')}steps: 5, batch_size: 4, warmup_steps: 1}}
evaluate: {{leads: [{lead}]}}
""")
        self.run("train", "c.yaml", "--run", "r")
        worst = self.score(made, [])
        if "evaluate" in made:  # the same points in another order and unit
            worst = max(worst, self.score(made, [f"--data.files=[{made['evaluate']}]"]))
        if "then" in made:
            made["then"](self)
        return worst

    def start(self, made):
        """What a newcomer does: looks at the files, and trains with what `inspect --config` writes."""
        files, said = made["files"], []
        if "refused_without" in made:
            assert made["refused_without"] in self.run("inspect", *files, expect=3)
            said = ["--data.grid=index"]
        else:
            self.run("inspect", *files)
        self.run("inspect", *files, "--config", "start.yaml", *said)
        self.run("train", "start.yaml", "--run", "start", "--train.steps=2", "--train.warmup_steps=1")

    def score(self, made, overrides):
        """Scores of the test period against those that a forecast from each of its times gives."""
        self.run("evaluate", "r", "--json", "s.json", *overrides)
        scores = json.loads((self.directory / "s.json").read_text())["scores"]
        found = next(s["value"] for s in scores if s["variable"] == made["name"] and s["metric"] == "rmse" and s["region"] == "global")
        inits = made.get("dates")
        if inits is None:
            with netCDF4.Dataset(self.directory / (made["files"][0] if not overrides else made["evaluate"])) as source:
                inits = self.dates(made, source)
        self.run("forecast", "r", "--init", ",".join(inits[30:TIMES - 1]), "--steps", 1, "--output", "f.nc", *overrides)
        truth, areas = made["truth"].astype("f8"), made["areas"]
        with netCDF4.Dataset(self.directory / "f.nc") as file:
            forecast = np.ma.filled(file[made["name"]][:, 0].astype("f8"), np.nan)
        means = []
        for i in range(30, TIMES - 1):
            valid = np.isfinite(truth[i] + truth[i + 1] + forecast[i - 30])
            weights = np.where(valid, areas, 0)
            means.append(np.nansum(weights * np.where(valid, forecast[i - 30] - truth[i + 1], 0) ** 2) / weights.sum())
        expected = np.sqrt(np.mean(means))
        difference = abs(found / expected - 1)
        if not difference < 2e-5:
            raise AssertionError(f"rmse {found!r}, expected {expected!r}")
        return difference

    @staticmethod
    def dates(made, source):
        if "refused_without" in made:
            return [f"2000-01-{1 + i // 24:02}T{i % 24:02}" for i in range(TIMES)]
        time = next(v for v in source.variables.values() if "since" in getattr(v, "units", ""))
        units = time.units
        hours = np.round(np.asarray(time[:], "f8") * {"hours": 1, "days": 24, "seconds": 1 / 3600}[units.split()[0]])
        dates = netCDF4.num2date(hours + (6 if "first" in made else 0), "hours since " + units.split(" since ")[1],
                                 getattr(time, "calendar", "standard"))
        return [date.strftime("%Y-%m-%dT%H") for date in dates]


def run_cases(cases, run, seqvit, directory, *chosen):
    """Each case in a directory of its own: `run`(check, case) says what was found. The exit status: 1 where an assertion failed."""
    failed = []
    for name in chosen or cases:
        place = Path(directory) / name
        place.mkdir()
        try:
            print(f"{name}: {run(Check(Path(seqvit).resolve(), place), cases[name])}")
        except AssertionError as error:
            print(f"{name}: {error}")
            failed.append(name)
    return 1 if failed else 0


def all_the_way(check, case):
    made = case(check.directory)
    return f"rmse equal within {check(made):.1e}" if made else "skipped, no xarray or zarr"


if __name__ == "__main__":
    sys.exit(run_cases(CASES, all_the_way, *sys.argv[1:]))
