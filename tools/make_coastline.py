#!/usr/bin/env python3
"""Makes src/draw/coastline_table.cpp from a shapefile of countries.

    tools/make_coastline.py naturalearth_lowres.shp > src/draw/coastline_table.cpp

The file is Natural Earth's admin_0_countries at 1:110 million (public domain, naturalearthdata.com), as the wheel of geopandas 0.14.4 holds
it. Coast is what bounds one country only; what two share is a border, and what runs along 180 degrees or around the pole is the edge of the map.
"""

import collections
import pathlib
import struct
import sys


def rings(shapefile):
    """Rings of all polygons, points in tenths of a degree: (longitude, latitude), without repeated points."""
    data = pathlib.Path(shapefile).read_bytes()
    at = 100
    while at < len(data):
        words = struct.unpack_from(">i", data, at + 4)[0]
        record = data[at + 8 : at + 8 + 2 * words]
        at += 8 + 2 * words
        parts, points = struct.unpack_from("<2i", record, 36)
        starts = [*struct.unpack_from(f"<{parts}i", record, 44), points]
        for begin, end in zip(starts, starts[1:]):
            numbers = struct.unpack_from(f"<{2 * (end - begin)}d", record, 44 + 4 * parts + 16 * begin)
            ring = [(round(10 * x), round(10 * y)) for x, y in zip(numbers[::2], numbers[1::2])]
            yield [point for i, point in enumerate(ring) if i == 0 or point != ring[i - 1]]


def coastlines(all_rings):
    uses = collections.Counter(frozenset(edge) for ring in all_rings for edge in zip(ring, ring[1:]))
    for ring in all_rings:
        line = [ring[0]]
        for a, b in zip(ring, ring[1:]):
            map_edge = abs(a[0]) == abs(b[0]) == 1800 or max(a[1], b[1]) <= -898
            if uses[frozenset((a, b))] == 1 and not map_edge:
                line.append(b)
                continue
            if len(line) > 1:
                yield line
            line = [b]
        if len(line) > 1:
            yield line


def wrapped(numbers):
    text, line = "", "   "
    for number in numbers:
        if len(line) + len(str(number)) + 2 > 140:
            text, line = text + line + "\n", "   "
        line += f" {number},"
    return text + line


def main():
    lines = list(coastlines(list(rings(sys.argv[1]))))
    numbers = []
    for line in lines:
        numbers.append(len(line))
        x = y = 0
        for point in line:
            numbers += [point[0] - x, point[1] - y]
            x, y = point
    print(f"""#include "draw/coastline.h"

namespace seqvit::draw {{

// Natural Earth 1:110 million, public domain; made by tools/make_coastline.py.
// clang-format off
const std::array<int16_t, {len(numbers)}> kCoastlineTable = {{
{wrapped(numbers)}
}};
// clang-format on

}}  // namespace seqvit::draw""")
    print(f"{len(lines)} lines, {sum(map(len, lines))} points", file=sys.stderr)


if __name__ == "__main__":
    main()
