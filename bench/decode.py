"""Reading all fields once, in order: seqvit's data set and xarray + dask, the same files, alternating. See decode.sh."""
import os
import subprocess
import sys
import time

import dask
import numpy as np
import xarray as xr

program, work, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
files = {"deflate NetCDF-4": f"{work}/deflate.nc", "zstd Zarr": f"{work}/zstd.zarr"}

if not os.path.exists(files["zstd Zarr"]):
    rng = np.random.default_rng(0)
    shape = (48, 361, 720)
    y, x = np.meshgrid(np.linspace(-90, 90, shape[1]), np.arange(720) / 2, indexing="ij")
    fields = {}
    for name in ("t", "u", "v", "z"):
        # Smooth with noise in the last digits, as reanalyses have: it deflates to about 60 %.
        smooth = np.stack([280 + 20 * np.cos(np.radians(2 * y)) * np.sin(np.radians(x + 7 * i)) for i in range(shape[0])])
        noisy = smooth + rng.normal(0, 0.05, shape)
        fields[name] = (("time", "latitude", "longitude"), np.round(noisy, 2).astype("f4"), {"units": "K"})
    data = xr.Dataset(fields, coords={"time": np.datetime64("2020-01-01", "ns") + np.arange(shape[0]) * np.timedelta64(6, "h"),
                                      "latitude": ("latitude", y[:, 0], {"units": "degrees_north"}),
                                      "longitude": ("longitude", x[0], {"units": "degrees_east"})})
    data.to_netcdf(files["deflate NetCDF-4"], engine="netcdf4",
                   encoding={v: {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": (1,) + shape[1:]} for v in fields})
    import numcodecs
    data.chunk({"time": 1}).to_zarr(files["zstd Zarr"], zarr_format=2,
                                    encoding={v: {"compressors": numcodecs.Zstd(3)} for v in fields})


def by_xarray(path, threads):
    start = time.perf_counter()
    with dask.config.set(scheduler="threads", num_workers=threads):
        chunks = {"time": 1}
        data = xr.open_zarr(path, chunks=chunks) if path.endswith("zarr") else xr.open_dataset(path, chunks=chunks)
        total = sum(float(data[v].sum()) for v in data.data_vars)
    return time.perf_counter() - start, total, sum(data[v].nbytes for v in data.data_vars)


def by_seqvit(path, threads):
    out = subprocess.run([program, path], check=True, capture_output=True, text=True,
                         env={**os.environ, "OMP_NUM_THREADS": str(threads)}).stdout.split()
    return float(out[0]), float(out[1]), None


print(f"{'file':18}{'threads':>8}{'seqvit MB/s':>14}{'xarray + dask MB/s':>20}{'ratio':>8}")
for name, path in files.items():
    for threads in (1, 2):
        mine, theirs = [], []
        for _ in range(rounds):
            seconds, total, _ = by_seqvit(path, threads)
            mine.append(seconds)
            seconds, expected, size = by_xarray(path, threads)
            theirs.append(seconds)
            assert abs(total - expected) < 1e-6 * abs(expected), (total, expected)
        ours, other = size / min(mine) / 1e6, size / min(theirs) / 1e6
        print(f"{name:18}{threads:8}{ours:14.0f}{other:20.0f}{ours / other:8.2f}")
