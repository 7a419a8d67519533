# Every library from outside that the layers link, as an imported target; an installed seqvit looks for the same
# (seqvitConfig.cmake). Anything missing stops here with what to do about it.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(cairo REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(netcdf REQUIRED IMPORTED_TARGET netcdf)
pkg_check_modules(udunits REQUIRED IMPORTED_TARGET udunits)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
find_package(MPI REQUIRED COMPONENTS C)
find_package(LibTorch 2.11 REQUIRED)
