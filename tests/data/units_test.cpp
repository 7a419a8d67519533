#include "data/units.h"

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

TEST(Units, TheSameQuantityInManySpellings) {
  for (const auto& [one, other] : {std::pair{"m s**-1", "m/s"},
                                   {"m s-1", "m s^-1"},
                                   {"K", "degK"},
                                   {"Kelvin", "K"},
                                   {"hPa", "mb"},
                                   {"millibar", "mbar"},
                                   {"1", "(0 - 1)"},
                                   {"kg/kg", "1"},
                                   {"degC", "C"},
                                   {"celsius", "deg C"},
                                   {"gpm", "m"},
                                   {"W m**-2", "W/m2"},
                                   {" Pa ", "Pa"},
                                   {"m**2 s**-2", "m2/s2"}}) {
    const auto conversion = convert_units(one, other);
    ASSERT_TRUE(conversion) << one << " and " << other;
    EXPECT_TRUE(conversion->identity()) << one << " and " << other;
  }
}

TEST(Units, ConvertsAnotherUnitOfTheQuantity) {
  const auto value_in = [](double value, const char* from, const char* to) {
    const auto conversion = convert_units(from, to);
    return conversion ? value * conversion->scale + conversion->offset : -1e30;
  };
  EXPECT_NEAR(value_in(20.0, "degC", "K"), 293.15, 1e-9);
  EXPECT_NEAR(value_in(293.15, "K", "C"), 20.0, 1e-9);
  EXPECT_NEAR(value_in(50.0, "degF", "degC"), 10.0, 1e-9);
  EXPECT_NEAR(value_in(1013.25, "hPa", "Pa"), 101325.0, 1e-9);
  EXPECT_NEAR(value_in(86.4, "mm/day", "m s-1"), 1e-6, 1e-18);
  EXPECT_NEAR(value_in(12.0, "g/kg", "1"), 0.012, 1e-15);
  EXPECT_NEAR(value_in(25.0, "%", "fraction"), 0.25, 1e-15);
}

TEST(Units, DifferentQuantitiesAndUnknownOnesDoNotConvert) {
  EXPECT_FALSE(convert_units("K", "m"));
  EXPECT_FALSE(convert_units("kg m-2 s-1", "mm/day")) << "a flux of mass is no depth";
  EXPECT_FALSE(convert_units("psu", "1e-3"));
  EXPECT_TRUE(convert_units("psu", "psu")) << "the same word needs no meaning";
  EXPECT_FALSE(convert_units("dBZ", "mm6 m-3")) << "not in proportion";
}

}  // namespace
}  // namespace seqvit::data
