# cmake --install BUILD --prefix PREFIX: the program, and the layers as a library: headers, static libraries and what find_package(seqvit)
# needs (examples/). Its targets are seqvit::train, seqvit::plan, ...; each brings what it depends on.
include(GNUInstallDirs)
set(SEQVIT_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/seqvit")
install(DIRECTORY src/ DESTINATION include/seqvit COMPONENT library FILES_MATCHING PATTERN "*.h" PATTERN cli EXCLUDE)
install(TARGETS seqvit_flags EXPORT seqvit)
install(EXPORT seqvit NAMESPACE seqvit:: FILE seqvitTargets.cmake DESTINATION ${SEQVIT_CMAKE_DIR} COMPONENT library)
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/seqvitConfig.cmake.in "${CMAKE_BINARY_DIR}/seqvitConfig.cmake" INSTALL_DESTINATION ${SEQVIT_CMAKE_DIR})
write_basic_package_version_file("${CMAKE_BINARY_DIR}/seqvitConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/seqvitConfig.cmake" "${CMAKE_BINARY_DIR}/seqvitConfigVersion.cmake" cmake/Dependencies.cmake
              cmake/FindLibTorch.cmake DESTINATION ${SEQVIT_CMAKE_DIR} COMPONENT library)
