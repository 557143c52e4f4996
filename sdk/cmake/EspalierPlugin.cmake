# espalier_add_plugin(NAME SOURCES file...
#                     [OUTPUT_DIRECTORY dir]   default: ${CMAKE_BINARY_DIR}/lib/espalier/plugins
#                     [LIBRARIES lib...]       linked in; their symbols stay hidden
#                     [SHARED_RUNTIME]         do not link libstdc++ and libgcc statically
#                     [NO_INSTALL])
# Builds NAME.so, target espalier_plugin_NAME: one exported symbol, no undefined ones left to chance.
function(espalier_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SHARED_RUNTIME;NO_INSTALL" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "espalier_add_plugin(${name} SOURCES file... ): unknown '${arg_UNPARSED_ARGUMENTS}' or no SOURCES")
  endif()
  if(NOT arg_OUTPUT_DIRECTORY)
    set(arg_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/espalier/plugins)
  endif()
  set(target espalier_plugin_${name})
  set(version_script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../espalier_plugin.map)

  add_library(${target} MODULE ${arg_SOURCES})
  set_property(GLOBAL APPEND PROPERTY ESPALIER_PLUGINS ${target})
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} SUFFIX .so
    LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY}
    CXX_STANDARD 17 CXX_EXTENSIONS OFF C_STANDARD 99 C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${version_script})
  target_link_libraries(${target} PRIVATE espalier::sdk ${arg_LIBRARIES})
  if(TARGET espalier_warnings)
    target_link_libraries(${target} PRIVATE espalier_warnings)
  endif()
  target_link_options(${target} PRIVATE LINKER:--version-script=${version_script} LINKER:--exclude-libs,ALL)
  # Sanitizers leave their runtime to the host program, and want the shared C++ library.
  if(NOT "${CMAKE_CXX_FLAGS} ${CMAKE_SHARED_LINKER_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}" MATCHES "-fsanitize"
     AND NOT ESPALIER_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:-z,defs)
    if(NOT arg_SHARED_RUNTIME)
      target_link_options(${target} PRIVATE -static-libgcc $<$<LINK_LANGUAGE:CXX>:-static-libstdc++>)
    endif()
  endif()
  if(NOT arg_NO_INSTALL)
    install(TARGETS ${target} LIBRARY DESTINATION lib/espalier/plugins)
  endif()
endfunction()
