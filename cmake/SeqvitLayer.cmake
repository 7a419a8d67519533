# seqvit_layer(NAME SOURCES file... DEPENDS target...): one static library, one layer of the design.
function(seqvit_layer NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(seqvit_${NAME} STATIC ${ARG_SOURCES})
  add_library(seqvit::${NAME} ALIAS seqvit_${NAME})
  target_include_directories(seqvit_${NAME} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(seqvit_${NAME} PUBLIC ${ARG_DEPENDS} PRIVATE seqvit_flags)
endfunction()

# seqvit_test(NAME [TORCH] SOURCES file... DEPENDS target... [LABELS label...]): one test binary, one ctest entry (starting libtorch takes
# a quarter of a second, so tests are not listed one by one). TORCH: its main() sets one thread a rank. Label `ranks`: has
# rank-threads, runs under the sanitizers too.
function(seqvit_test NAME)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(ARG_TORCH)
    list(APPEND ARG_SOURCES "${CMAKE_SOURCE_DIR}/tests/support/torch_main.cpp")
  else()
    list(APPEND ARG_DEPENDS GTest::gtest_main)
  endif()
  add_executable(${NAME}_test ${ARG_SOURCES})
  target_include_directories(${NAME}_test PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(${NAME}_test PRIVATE ${ARG_DEPENDS} GTest::gtest seqvit_flags)
  target_compile_definitions(${NAME}_test PRIVATE SEQVIT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${NAME} COMMAND ${NAME}_test)
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 600 LABELS "${ARG_LABELS}")
endfunction()

add_library(seqvit_flags INTERFACE)
target_compile_options(seqvit_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(SEQVIT_WERROR)
  target_compile_options(seqvit_flags INTERFACE -Werror)
endif()
if(SEQVIT_SANITIZE)
  target_compile_options(seqvit_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                                                -fno-omit-frame-pointer)
  target_link_options(seqvit_flags INTERFACE -fsanitize=address,undefined)
endif()
