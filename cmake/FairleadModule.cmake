# fairlead_module(NAME SOURCES file… [LIBRARIES pkg-config-name…] [NO_INSTALL])
#
# A native module: lib/fairlead/NAME.so, loaded by the first `require "fairlead.NAME"` (or "fairlead.NAME.native" where
# modules/NAME/init.lua is its Lua half). It takes Lua's and the host's symbols from the process that loads it.
function(fairlead_module name)
  cmake_parse_arguments(arg "NO_INSTALL" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(module_${name} MODULE ${arg_SOURCES})
  set_target_properties(module_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/fairlead
    INSTALL_RPATH "$ORIGIN/.." BUILD_RPATH "$ORIGIN/.." BUILD_WITH_INSTALL_RPATH ON)
  target_link_libraries(module_${name} PRIVATE fairlead fairlead_warnings)
  # Lua unloads a module with its state, but libuv still has the module's close callbacks to call after that.
  target_link_options(module_${name} PRIVATE -Wl,-z,nodelete)
  foreach(package IN LISTS arg_LIBRARIES)
    string(MAKE_C_IDENTIFIER ${package} target)
    if(NOT TARGET PkgConfig::${target})
      pkg_check_modules(${target} REQUIRED IMPORTED_TARGET GLOBAL ${package})
    endif()
    target_link_libraries(module_${name} PRIVATE PkgConfig::${target})
  endforeach()
  if(NOT arg_NO_INSTALL)
    install(TARGETS module_${name} LIBRARY DESTINATION ${FAIRLEAD_NATIVE_DIR})
  endif()
endfunction()
