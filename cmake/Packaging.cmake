# What `cmake --install` puts in place, all of it relocatable: the program and the modules find the library by a
# relative rpath, the library finds the modules relative to itself, and both package descriptions speak relative to
# where they lie.
#
#   bin/fairlead  lib/libfairlead.so  include/fairlead.h  lib/fairlead/*.so  share/fairlead/modules/**.lua  share/fairlead/luals/fairlead (a link to it)
#   share/fairlead/scripts/release.lua  share/fairlead/scripts/release/**.lua
#   lib/pkgconfig/fairlead.pc  lib/cmake/fairlead/*.cmake  share/doc/fairlead
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fairlead)
file(RELATIVE_PATH lib_from_bin /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig ${prefix_from_pkgconfig})

set_target_properties(fairlead_program PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
install(TARGETS fairlead fairlead_program EXPORT fairlead
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES host/include/fairlead.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# Lua halves, with their annotations, and meta.lua, the annotations of C halves. The build tree has a link instead.
install(DIRECTORY modules/ DESTINATION ${FAIRLEAD_DATA_DIR}/modules FILES_MATCHING PATTERN "*.lua")
install(CODE "
  set(luals \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${FAIRLEAD_DATA_DIR}/luals\")
  file(MAKE_DIRECTORY \"\${luals}\")
  file(CREATE_LINK ../modules \"\${luals}/fairlead\" SYMBOLIC)")
install(FILES scripts/release.lua DESTINATION ${FAIRLEAD_DATA_DIR}/scripts)
install(DIRECTORY scripts/release DESTINATION ${FAIRLEAD_DATA_DIR}/scripts FILES_MATCHING PATTERN "*.lua")
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples FILES_MATCHING PATTERN "*.c" PATTERN "*.lua")

configure_file(cmake/fairlead.pc.in fairlead.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fairlead.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(cmake/fairleadConfig.cmake.in fairleadConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(fairleadConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fairleadConfig.cmake ${PROJECT_BINARY_DIR}/fairleadConfigVersion.cmake
  DESTINATION ${package_dir})
install(EXPORT fairlead NAMESPACE fairlead:: FILE fairleadTargets.cmake DESTINATION ${package_dir})
