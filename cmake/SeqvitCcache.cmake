# Compiles through ccache where it is installed. Headers compiled ahead need its sloppiness (its manual, "Precompiled headers"), and GCC must
# name them in what it preprocesses. Paths below the source directory are hashed as relative ones, so that a second clone finds what the
# first has compiled.
find_program(SEQVIT_CCACHE ccache)
if(SEQVIT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${SEQVIT_CCACHE}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
