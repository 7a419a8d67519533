"""Stores and files as people make them, read by seqvit (read_all FILE sum) and by xarray: sums and counts of values must agree."""
import subprocess
import sys

import numcodecs
import numpy as np
import xarray as xr
import zarr

read_all, work = sys.argv[1:3]
rng = np.random.default_rng(1)


def dataset():
    """WeatherBench 2's layout: time, level, longitude, latitude, latitudes from south to north."""
    shape = (5, 3, 12, 7)
    t = rng.normal(280, 10, shape).astype("f4")
    t[1, :, 3, 2] = np.nan
    data = xr.Dataset({"temperature": (("time", "level", "longitude", "latitude"), t, {"units": "K"}),
                       "geopotential": (("time", "longitude", "latitude"), rng.normal(5e4, 1e3, (5, 12, 7)), {"units": "m2 s-2"})},
                      coords={"time": np.datetime64("2020-01-01", "ns") + np.arange(5) * np.timedelta64(6, "h"),
                              "level": ("level", [500, 700, 850], {"units": "hPa"}),
                              "longitude": ("longitude", np.arange(12) * 30.0, {"units": "degrees_east"}),
                              "latitude": ("latitude", np.linspace(-90, 90, 7), {"units": "degrees_north"})})
    return data


def expect(path, expected):
    out = subprocess.run([read_all, path, "sum"], capture_output=True, text=True)
    assert out.returncode == 0, (path, out.stderr)
    found = {}
    for line in out.stdout.splitlines():
        name, total, count = line.split()
        entry = found.setdefault(name.split("@")[0].split("/")[-1], [0.0, 0])
        entry[0] += float(total)
        entry[1] += int(count)
    for name in expected.data_vars:
        values = expected[name].values.astype("f4")
        total, count = np.nansum(values, dtype="f8"), int(np.isfinite(values).sum())
        assert found[name][1] == count, (path, name, found[name], count)
        assert abs(found[name][0] - total) <= 1e-9 * abs(total) + 1e-6, (path, name, found[name], total)
    print("ok", path.rsplit("/", 1)[-1])


data = dataset()
chunks = {"temperature": (2, 3, 5, 4), "geopotential": (1, 12, 7)}
compressors = {"none": None, "zstd": numcodecs.Zstd(3), "zlib": numcodecs.Zlib(5), "gzip": numcodecs.GZip(5),
               "blosc_lz4": numcodecs.Blosc("lz4", shuffle=1), "blosc_zstd_bits": numcodecs.Blosc("zstd", shuffle=2)}
for name, compressor in compressors.items():
    for consolidated in (True, False):
        path = f"{work}/v2_{name}_{consolidated}.zarr"
        data.to_zarr(path, zarr_format=2, consolidated=consolidated,
                     encoding={v: {"chunks": chunks[v], "compressors": compressor} for v in chunks})
        expect(path, xr.open_zarr(path))
codecs = {"zstd": zarr.codecs.ZstdCodec(), "gzip": zarr.codecs.GzipCodec(), "blosc": zarr.codecs.BloscCodec(cname="lz4"),
          "crc32c": zarr.codecs.Crc32cCodec()}
for name, codec in codecs.items():
    path = f"{work}/v3_{name}.zarr"
    data.to_zarr(path, zarr_format=3, encoding={v: {"chunks": chunks[v], "compressors": [codec]} for v in chunks})
    expect(path, xr.open_zarr(path))
path = f"{work}/v3_shards.zarr"
data.to_zarr(path, zarr_format=3, encoding={"temperature": {"chunks": (1, 3, 4, 7), "shards": (2, 3, 12, 7)}})
expect(path, xr.open_zarr(path))
# Packed, with chunks left out.
path = f"{work}/packed.zarr"
data.to_zarr(path, zarr_format=2, encoding={
    v: {"chunks": chunks[v], "dtype": "i2", "scale_factor": 0.5 if v == "temperature" else 10.0, "add_offset": 250.0 if v == "temperature" else 5e4,
        "_FillValue": -32768} for v in chunks})
expect(path, xr.open_zarr(path))
# NetCDF: groups.
path = f"{work}/groups.nc"
data.drop_vars(["temperature"]).to_netcdf(path, group="forecast/step", engine="netcdf4")
expect(path, xr.open_dataset(path, group="forecast/step"))
