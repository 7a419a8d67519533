"""Scores of ensembles of `seqvit evaluate --members` against an independent computation from a forecast file and the source data.

    check_ensemble.py FORECAST.nc SOURCE.nc SCORES.json VARIABLE TRAINING_BEGIN TRAINING_END [IN_SAMPLE]

Recomputes crps (pair by pair), spread and spread_skill of the forecast's members, of the ensembles of climatology and persistence (from the
source data, as src/evaluate/reference_ensemble.h says), and the histogram of ranks, and compares at 1e-6; the mean's rmse too. IN_SAMPLE:
leads whose references must come from the scored data themselves. Exit 77 (a skipped test) without numpy and netCDF4.
"""

import json
import sys

from check_scores import areas, dates_of, filled, netCDF4, np


def fair_crps(members, truth):
    count = len(members)
    apart = sum(np.abs(a - b) for a in members for b in members)
    return np.abs(members - truth).mean(axis=0) - apart / (2 * count * (count - 1))


def point_scores(members, truth):
    """CRPS, variance and square error of the mean at every point; NaN where a member is missing."""
    count = len(members)
    return (fair_crps(members, truth), (count + 1) / count * members.var(axis=0, ddof=1), (members.mean(axis=0) - truth) ** 2)


def ranks(members, truth, weights):
    """Weight of each rank of the truth; where members equal it, shared out."""
    below, equal = (members < truth).sum(axis=0), (members == truth).sum(axis=0)
    found = np.zeros(len(members) + 1)
    for b, e, w in zip(below, equal, weights):
        found[b:b + e + 1] += w / (e + 1)
    return found


class Season:
    """Pairs of times one lead apart that end at the same time of day within 15 days of a date's day of the year."""

    def __init__(self, dates, lead, period):
        index = {date: i for i, date in enumerate(dates)}
        step = dates[1] - dates[0]
        hours = step.total_seconds() / 3600
        pairs = [(i, index.get(dates[i] + step * round(lead / hours))) for i in period]
        self.dates = dates
        self.pairs = [(i, j) for i, j in pairs if j is not None and j in period]

    def at(self, date, most):
        day = date.timetuple().tm_yday
        suit = []
        for i, j in self.pairs:
            other = self.dates[j]
            apart = abs(other.timetuple().tm_yday - day)
            far = abs((other - date).total_seconds()) >= 5 * 86400
            if min(apart, 366 - apart) <= 15 and (other.hour, other.minute) == (date.hour, date.minute) and far:
                suit.append((i, j))
        if len(suit) <= most:
            return suit
        return [suit[(2 * k + 1) * len(suit) // (2 * most)] for k in range(most)]


def main(forecast_path, source_path, scores_path, name, begin, end, in_sample=None):
    forecast_file, source = netCDF4.Dataset(forecast_path), netCDF4.Dataset(source_path)
    assert forecast_file[name].dimensions[:3] == ("init_time", "number", "lead_time"), forecast_file[name].dimensions
    assert forecast_file["number"].standard_name == "realization"
    dates = dates_of(source["time"])
    index = {str(date): i for i, date in enumerate(dates)}
    starts, valid_dates = dates_of(forecast_file["init_time"]), dates_of(forecast_file["time"])
    truth, forecast = filled(source[name]), filled(forecast_file[name])
    members = forecast.shape[1]
    latitude = np.asarray(source.variables.get("lat", source.variables.get("latitude"))[:], dtype=float)
    row = areas(latitude)
    weights = np.broadcast_to((row / row.mean())[:, None], truth.shape[1:])
    file = json.load(open(scores_path))
    assert file["members"] == members
    found = {(s["lead_hours"], s["metric"]): s for s in file["scores"] if s["variable"] == name and s["region"] == "global"}
    histograms = {h["lead_hours"]: h for h in file["rank_histograms"] if h["variable"] == name}

    compared, worst, in_sample_leads = 0, 0.0, 0
    for k, lead in enumerate(np.asarray(forecast_file["lead_time"][:], dtype=float)):
        cases = [(i, index[str(start)], index[str(valid_dates[i, k])]) for i, start in enumerate(starts)
                 if str(valid_dates[i, k]) in index]
        season = Season(dates, lead, range(int(begin), int(end)))
        if any(len(season.at(dates[target], members)) < members for _, _, target in cases):
            season, in_sample_leads = Season(dates, lead, range(len(dates))), in_sample_leads + 1
        sums = {kind: [] for kind in ("value", "persistence", "climatology")}
        histogram, squares = np.zeros(members + 1), []
        complete = {"persistence": True, "climatology": True}
        for i, initial, target in cases:
            o, start = truth[target], truth[initial]
            ensembles = {"value": forecast[i, :, k]}
            pairs = season.at(dates[target], members)
            states = np.array([truth[j] for _, j in pairs])
            ensembles["climatology"] = states
            changes = np.array([truth[j].astype("f4") - truth[i0].astype("f4") for i0, j in pairs])
            ensembles["persistence"] = (start.astype("f4") + changes).astype("f8")
            valid = np.isfinite(o) & np.isfinite(start) & np.isfinite(ensembles["value"]).all(axis=0)
            for kind, ensemble in ensembles.items():
                both = valid & np.isfinite(ensemble).all(axis=0)
                if kind != "value" and (both != valid).any():
                    complete[kind] = False
                    continue
                w = weights[both] / weights[both].sum()
                sums[kind].append([(w * score).sum() for score in point_scores(ensemble[:, both], o[both])])
            histogram += ranks(ensembles["value"][:, valid], o[valid], weights[valid])
            mean = ensembles["value"].mean(axis=0).astype("f4").astype("f8")
            squares.append((weights[valid] * (mean - o)[valid] ** 2).sum() / weights[valid].sum())
        for kind, values in sums.items():
            if kind != "value" and not complete[kind]:
                assert found[(lead, "crps")][kind] is None, (lead, kind)
                continue
            crps, variance, square = np.mean(values, axis=0)
            expected = {"crps": crps, "spread": np.sqrt(variance), "spread_skill": np.sqrt(variance / square)}
            if kind == "value":
                expected["rmse"] = np.sqrt(np.mean(squares))
            for metric, value in expected.items():
                error = abs((found[(lead, metric)][kind] or np.nan) - value) / max(abs(value), 1e-2)
                worst, compared = max(worst, error), compared + 1
                if not error <= 1e-6:
                    print(f"lead {lead} h {metric} {kind}: expected {value!r}, found {found[(lead, metric)][kind]!r}")
                    return 1
        error = np.abs(histogram / histogram.sum() - histograms[lead]["frequency"]).max()
        worst, compared = max(worst, error), compared + members + 1
        if not error <= 1e-6:
            print(f"lead {lead} h: ranks {histogram / histogram.sum()}, found {histograms[lead]['frequency']}")
            return 1
    assert forecast.std(axis=1)[np.isfinite(forecast[:, 0])].min() > 0, "members that are the same"
    print(f"{compared} scores of {members} members equal within {worst:.1e}; {in_sample_leads} leads with references in sample")
    return 0 if compared and in_sample in (None, str(in_sample_leads)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
