#include "evaluate/forecast_file.h"

#include <cmath>
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "core/error.h"
#include "core/random.h"
#include "data/full_disk.h"
#include "data/netcdf.h"
#include "evaluate/synthetic.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

struct Source {
  TemporaryDirectory directory;
  Synthetic synthetic;
  std::unique_ptr<data::Dataset> dataset;

  explicit Source(const std::string& calendar = "standard",
                  const std::string& units = "hours since 1999-02-27", double step = 6.0,
                  std::vector<double> longitude = {0, 90, 180, 270}) {
    synthetic.longitude = std::move(longitude);
    synthetic.variables = {"a", "b"};
    synthetic.times = Synthetic::steps(40, step);
    synthetic.calendar = calendar;
    synthetic.time_units = units;
    synthetic.value = [](int64_t v, int64_t t, int64_t y, int64_t x) {
      return y == 1 && x == 1 ? NAN : static_cast<double>(v * 1000 + t * 16 + y * 4 + x);
    };
    write_synthetic(directory / "source.nc", synthetic);
    dataset = std::make_unique<data::Dataset>(data::DatasetOptions{{directory / "source.nc"}, {"a", "b"}});
  }
  std::filesystem::path output() const { return directory / "forecast.nc"; }
};

std::vector<float> field(int64_t initial, int64_t lead, int64_t variable) {
  std::vector<float> values(16);
  for (int64_t i = 0; i < 16; ++i)
    values[i] = static_cast<float>(1000 * initial + 100 * lead + 10 * variable) + i / 16.0f;
  values[5] = NAN;
  return values;
}

void write_all(ForecastWriter& writer, const ForecastLayout& layout) {
  for (int64_t i = 0; i < static_cast<int64_t>(layout.initial_times.size()); ++i) {
    for (int64_t n = 0; n < layout.steps; ++n) {
      for (int64_t v = 0; v < static_cast<int64_t>(layout.variables.size()); ++v) {
        const std::vector<float> values = field(i, n, v);
        writer.write(i, n, v, {0, 1}, std::span(values).first(4));  // in two pieces, as slabs would come
        writer.write(i, n, v, {1, 4}, std::span(values).subspan(4));
      }
    }
  }
}

int64_t entries(const std::filesystem::path& directory) {
  return std::distance(std::filesystem::directory_iterator(directory), {});
}

TEST(ForecastFile, ReadsBackWhatWasWritten) {
  const Source source;
  const ForecastLayout layout{{3, 7, 8}, data::LeadTime::parse("6h"), 2, {1, 0}, "seqvit forecast run"};
  ForecastWriter writer(source.output(), *source.dataset, layout);
  write_all(writer, layout);
  EXPECT_FALSE(std::filesystem::exists(source.output())) << "no name before it is complete";
  writer.commit();
  EXPECT_EQ(entries(source.directory.path()), 2) << "source and forecast";

  const data::NetcdfFile file(source.output().string());
  const data::FileVariable& b = *file.find("b");
  ASSERT_EQ(b.dims.size(), 4u);
  EXPECT_EQ(b.dims[0].name, "init_time");
  EXPECT_EQ(b.dims[1].name, "lead_time");
  EXPECT_EQ(b.dims[2].name, "lat");
  EXPECT_EQ(b.dims[3].name, "lon");
  EXPECT_EQ(b.stored_type, "float32");
  EXPECT_EQ(b.chunk, (std::vector<int64_t>{1, 1, 4, 4}));
  EXPECT_EQ(b.text("units"), "K");
  EXPECT_EQ(b.text("long_name"), "made up b");
  EXPECT_EQ(b.text("standard_name"), "air_temperature");
  EXPECT_EQ(b.text("coordinates"), "time");
  EXPECT_TRUE(std::isnan(b.number("_FillValue").value()));
  const std::vector<double> values = file.read_all(b);
  for (int64_t i = 0, k = 0; i < 3; ++i) {
    for (int64_t n = 0; n < 2; ++n) {
      for (const float expected : field(i, n, 0)) {
        const double value = values[k++];
        EXPECT_TRUE(value == expected || (std::isnan(value) && std::isnan(expected)));
      }
    }
  }
  EXPECT_EQ(file.read_all(*file.find("init_time")), (std::vector<double>{18, 42, 48}));
  EXPECT_EQ(file.read_all(*file.find("lead_time")), (std::vector<double>{6, 12}));
  EXPECT_EQ(file.read_all(*file.find("time")), (std::vector<double>{24, 30, 48, 54, 54, 60}));
  EXPECT_EQ(file.find("time")->text("standard_name"), "time");
  EXPECT_EQ(file.find("init_time")->text("units"), "hours since 1999-02-27");
  EXPECT_EQ(file.find("lead_time")->text("units"), "hours");
  EXPECT_EQ(std::get<std::string>(file.attributes().at("Conventions")), "CF-1.10");
  EXPECT_EQ(std::get<std::string>(file.attributes().at("source_title")), "synthetic source");
  EXPECT_EQ(std::get<std::string>(file.attributes().at("source_license")), "free to use");
  EXPECT_NE(std::get<std::string>(file.attributes().at("history")).find("Z: seqvit forecast run"),
            std::string::npos);
}

// Time values cross the end of February, where calendars differ.
TEST(ForecastFile, ValidTimesFollowTheCalendarOfTheSource) {
  for (const char* calendar : {"360_day", "noleap", "standard", "proleptic_gregorian", "julian"}) {
    const Source source(calendar, "days since 1996-02-25", 1.0);
    const ForecastLayout layout{{2}, data::LeadTime::parse("1d"), 5, {0}, "x"};
    ForecastWriter writer(source.output(), *source.dataset, layout);
    write_all(writer, layout);
    writer.commit();
    const data::NetcdfFile file(source.output().string());
    EXPECT_EQ(file.find("time")->text("calendar"), calendar);
    EXPECT_EQ(file.read_all(*file.find("time")), (std::vector<double>{3, 4, 5, 6, 7})) << calendar;
  }
}

TEST(ForecastFile, MonthsHaveExactValidTimes) {
  const Source source("standard", "days since 2003-12-15", 31.0);
  const ForecastLayout layout{{0}, data::LeadTime::parse("1mon"), 3, {0}, "x"};
  ForecastWriter writer(source.output(), *source.dataset, layout);
  writer.commit();
  const data::NetcdfFile file(source.output().string());
  EXPECT_EQ(file.read_all(*file.find("time")), (std::vector<double>{31, 62, 91}))
      << "15 January, February, March 2004";
  EXPECT_EQ(file.read_all(*file.find("lead_time")), (std::vector<double>{730.5, 1461, 2191.5}));
  for (const double value : file.read_all(*file.find("a")))
    EXPECT_TRUE(std::isnan(value)) << "what was not written";
}

TEST(ForecastFile, AbandonedWithoutCommitLeavesNothing) {
  const Source source;
  const ForecastLayout layout{{0}, data::LeadTime::parse("6h"), 2, {0}, "x"};
  {
    ForecastWriter writer(source.output(), *source.dataset, layout);
    write_all(writer, layout);
    EXPECT_EQ(entries(source.directory.path()), 2);
  }
  EXPECT_EQ(entries(source.directory.path()), 1);
}

TEST(ForecastFile, NamesThePathAndTheReasonThatItCannotBeCreated) {
  const Source source;
  try {
    ForecastWriter writer(source.directory / "nowhere" / "f.nc", *source.dataset,
                          {{0}, data::LeadTime::parse("6h"), 1, {0}, "x"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::data);
    EXPECT_NE(std::string(error.what()).find("nowhere/f.nc: cannot write the forecast: No such file"),
              std::string::npos)
        << error.what();
  }
}

// Sets a limit on the size of files, at which writes fail as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

void expect_file_too_large(const Error& error) {
  EXPECT_EQ(error.code(), Exit::data);
  EXPECT_NE(std::string(error.what()).find("forecast.nc: cannot write the forecast: File too large"),
            std::string::npos)
      << error.what();
}

TEST(ForecastFile, TooLittleRoomIsNoticedBeforeTheForecast) {
  const Source source;
  const FileSizeLimit limit(data::kMetadataBytes + 76799);
  try {
    ForecastWriter writer(source.output(), *source.dataset,
                          {{0, 1, 2, 3, 4, 5}, data::LeadTime::parse("6h"), 100, {0, 1}, "x"});
    FAIL() << "76800 bytes of fields and the header";
  } catch (const Error& error) {
    expect_file_too_large(error);
  }
  EXPECT_EQ(entries(source.directory.path()), 1);
}

// Room that is gone later: wherever the writer runs out of it, nothing is left behind, what stood under the
// name stays, and the library goes on working.
TEST(ForecastFile, RunningOutOfRoomLeavesNothing) {
  const Source source("standard", "hours since 1999-02-27", 6.0, Synthetic::steps(3000, 0.1));
  const ForecastLayout layout{{0, 1, 2}, data::LeadTime::parse("6h"), 6, {0, 1}, "x"};
  std::vector<float> noise(4 * 3000);
  for (size_t i = 0; i < noise.size(); ++i)
    noise[i] = static_cast<float>(uniform(1, i));
  const auto write = [&](int64_t limit_bytes) {
    ForecastWriter writer(source.output(), *source.dataset, layout);
    const FileSizeLimit limit(limit_bytes);
    for (int64_t i = 0; i < 3 * 6 * 2; ++i)
      writer.write(i / 12, i / 2 % 6, i % 2, {0, 4}, noise);
    writer.commit();
  };
  write(int64_t{1} << 30);
  const auto complete = static_cast<int64_t>(std::filesystem::file_size(source.output()));
  EXPECT_GT(complete, 3 * 6 * 2 * 30000);
  { std::ofstream(source.output()) << "old"; }
  for (int64_t bytes = 0; bytes < complete * 3 / 4; bytes += 99991) {
    try {
      write(data::kMetadataBytes + bytes);
      ADD_FAILURE() << "complete at limit " << bytes;
    } catch (const Error& error) {
      expect_file_too_large(error);
    }
    EXPECT_EQ(entries(source.directory.path()), 2) << "at limit " << bytes;
    EXPECT_EQ(std::filesystem::file_size(source.output()), 3u) << "at limit " << bytes;
  }
  write(int64_t{1} << 30);
  EXPECT_NE(data::NetcdfFile(source.output().string()).find("a"), nullptr);
}

TEST(ForecastFile, OneInitialTimeHasItsTimesAsTime) {
  const Source source;
  ForecastLayout layout{{3}, data::LeadTime::parse("6h"), 2, {1, 0}, "x", ForecastDims::valid_time};
  ForecastWriter writer(source.output(), *source.dataset, layout);
  write_all(writer, layout);
  writer.commit();
  const data::NetcdfFile file(source.output().string());
  const data::FileVariable& b = *file.find("b");
  ASSERT_EQ(b.dims.size(), 3u);
  EXPECT_EQ(b.dims[0].name, "time");
  EXPECT_EQ(file.read_all(*file.find("time")), (std::vector<double>{24, 30}));
  EXPECT_EQ(file.read_all(*file.find("init_time")), std::vector<double>{18});
  const std::vector<float> values = read_forecast(source.output(), *source.dataset, layout, 1, 0, 1);
  EXPECT_EQ(values[7], field(0, 1, 1)[7]);
  layout.initial_times = {3, 4};
  try {
    ForecastWriter(source.output(), *source.dataset, layout);
    FAIL() << "two initial times";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::usage);
  }
}

}  // namespace
}  // namespace seqvit::evaluate
